import pytest
from factory import INFORMATION, WARNING, categories, host, machine, preflight

from drover.concerns import guest_system as concern

ALL = ("libvirt", "vsphere", "hyperv")


def moved(system, source, target):
    return preflight(machine(hypervisor=source, guest_os=system), target=host(hypervisor=target))


@pytest.mark.parametrize(
    ("system", "known"),
    [
        ("Microsoft Windows Server 2022 (64-bit)", ALL),
        ("win 2k22", ALL),
        ("Debian GNU/Linux 12 (64-bit)", ALL),
        ("debian 12", ALL),
        ("otherLinux64Guest", ALL),
        ("FreeBSD 14 or later versions (64-bit)", ALL),
        ("OpenBSD 7.5", ("libvirt",)),
        ("Oracle Solaris 11 (64-bit)", ("libvirt", "vsphere")),
        ("Apple macOS 12 (64-bit)", ("vsphere",)),
        ("darwin21_64Guest", ("vsphere",)),
        ("Other (64-bit)", ()),
    ],
)
def test_a_system_is_looked_for_in_what_the_target_is_made_for(system, known):
    source = {"libvirt": "vsphere", "vsphere": "hyperv", "hyperv": "libvirt"}
    found = {target: categories(concern, moved(system, source[target], target)) for target in ALL}
    assert found == {target: [] if target in known else [WARNING] for target in ALL}


def test_a_system_that_nobody_tells_is_told():
    assert categories(concern, moved(None, "libvirt", "vsphere")) == [INFORMATION]


def test_between_hosts_of_one_kind_nothing_changes():
    assert categories(concern, moved(None, "libvirt", "libvirt")) == []
    assert categories(concern, moved("Other (64-bit)", "vsphere", "vsphere")) == []
    assert categories(concern, preflight(None)) == []

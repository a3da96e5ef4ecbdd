import pytest
from factory import CRITICAL, ask, categories, disk, host, machine, preflight

from drover.concerns import disk_elsewhere as concern
from drover.errors import OperatorNeededError
from drover.hypervisors.hyperv.smb_client import remote_path

PATH = "\\\\files\\vms\\web.vhdx"
HYPERV = host(name="HV-A", hypervisor="hyperv")


def seen(path, live=False):
    return preflight(machine(hypervisor="hyperv", disks=(disk(path=path),)), source_host=HYPERV, live=live)


@pytest.mark.parametrize("path", ["D:\\web.vhdx", "C:\\ClusterStorage\\Volume1\\web.vhdx"])
def test_a_disk_on_the_host_is_no_concern(path):
    assert categories(concern, seen(path)) == []
    assert remote_path("hv-a", path)


@pytest.mark.parametrize("live", [True, False])
def test_one_on_another_server_could_not_even_be_backed_up(live):
    (found,) = ask(concern, seen(PATH, live))
    assert found.category is CRITICAL
    assert f"lies on another server than HV-A ({PATH})" in found.assessment
    with pytest.raises(OperatorNeededError, match="does not lie on the host"):
        remote_path("hv-a", PATH)


def test_another_platform_or_no_machine_is_no_concern():
    assert categories(concern, preflight(machine(disks=(disk(path=PATH),)))) == []
    assert categories(concern, preflight(None)) == []

"""Domain XML as plain values."""

import xml.etree.ElementTree as ET

import pytest

from drover.hypervisors.libvirt import xml
from drover.model import Cpu, Firmware, Ownership

OWNER = Ownership(wave="w", run="r", machine='it\'s <odd> & "so"', source_uuid="u", role="target")


def domain(inner: str) -> ET.Element:
    return ET.fromstring(f"<domain>{inner}</domain>")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<memory>4</memory>", 4096),
        ("<memory unit='KiB'>4</memory>", 4096),
        ("<memory unit='MiB'>4</memory>", 4 << 20),
        ("<memory unit='GB'>4</memory>", 4 * 10**9),
        ("<memory unit='b'>4</memory>", 4),
    ],
)
def test_memory_is_in_bytes_whatever_the_unit(text: str, expected: int) -> None:
    assert xml.memory(domain(text)) == expected


def test_cpu_with_and_without_a_model() -> None:
    assert xml.cpu(domain("<vcpu>3</vcpu>")) == Cpu(count=3, sockets=3)
    rich = domain(
        "<vcpu>4</vcpu><cpu mode='custom'><model>Skylake</model><topology sockets='1' cores='2' threads='2'/>"
        "<feature policy='require' name='vmx'/><feature policy='disable' name='mpx'/></cpu>"
    )
    assert xml.cpu(rich) == Cpu(
        count=4, model="Skylake", sockets=1, cores=2, threads=2, mode="custom", features=("vmx", "-mpx")
    )


@pytest.mark.parametrize(
    ("text", "firmware", "secure"),
    [
        ("<os><type>hvm</type></os>", Firmware.BIOS, False),
        ("<os firmware='efi'/>", Firmware.UEFI, False),
        ("<os><loader type='rom'>x</loader></os>", Firmware.BIOS, False),
        ("<os><loader type='pflash'>x</loader></os>", Firmware.UEFI, False),
        ("<os><loader type='pflash' secure='yes'>x</loader></os>", Firmware.UEFI, True),
        (
            "<os firmware='efi'><firmware><feature enabled='yes' name='secure-boot'/></firmware></os>",
            Firmware.UEFI,
            True,
        ),
        (
            "<os firmware='efi'><firmware><feature enabled='no' name='secure-boot'/></firmware></os>",
            Firmware.UEFI,
            False,
        ),
    ],
)
def test_firmware(text: str, firmware: Firmware, secure: bool) -> None:
    root = domain(text)
    assert (xml.firmware(root), xml.secure_boot(root)) == (firmware, secure)


def test_disks_are_disks_only() -> None:
    root = domain(
        "<devices><disk type='file' device='cdrom'><target dev='sda'/></disk>"
        "<disk type='block' device='disk'><source dev='/dev/vg/x'/><target dev='vda' bus='virtio'/><shareable/>"
        "<serial>S</serial><boot order='2'/></disk>"
        "<disk type='volume'><driver type='qcow2'/><source pool='p' volume='v'/><target dev='vdb'/><readonly/></disk>"
        "</devices>"
    )
    first, second = xml.disks(root)
    assert (first.name, first.source, first.format, first.bus) == ("vda", "/dev/vg/x", "raw", "virtio")
    assert (first.shared, first.read_only, first.serial, first.boot_order) == (True, False, "S", 2)
    assert (second.pool, second.volume, second.format, second.read_only) == ("p", "v", "qcow2", True)


def test_adapters_name_what_they_hang_on() -> None:
    root = domain(
        "<devices><interface type='network'><mac address='52:54:00:AA:BB:CC'/><source network='n' bridge='b'/>"
        "<model type='e1000'/></interface><interface type='bridge'><source bridge='b'/></interface>"
        "<interface type='direct'><source dev='eth0'/></interface><interface type='user'/></devices>"
    )
    assert [nic.network for nic in xml.nics(root)] == ["n", "b", "eth0", "user"]
    assert xml.nics(root)[0].mac == "52:54:00:aa:bb:cc"


def test_boot_order_of_both_kinds() -> None:
    assert xml.boot_devices(domain("<os><boot dev='hd'/><boot dev='network'/></os>")) == ("hd", "network")
    root = domain(
        "<devices><disk><target dev='vdb'/><boot order='2'/></disk>"
        "<interface><mac address='AA:00'/><target dev='vnet0'/><boot order='1'/></interface></devices>"
    )
    assert xml.boot_devices(root) == ("aa:00", "vdb")


def test_what_people_said_of_it() -> None:
    info = "http://libosinfo.org/xmlns/libvirt/domain/1.0"
    system = "<i:libosinfo xmlns:i='{}'><i:os id='http://{}'/></i:libosinfo>"
    for told, words in (("microsoft.com/win/2k22", "win 2k22"), ("debian.org/debian/12", "debian 12"), ("x", None)):
        assert xml.guest_os(domain(f"<metadata>{system.format(info, told)}</metadata>")) == words
    assert xml.guest_os(domain("")) is None
    assert xml.notes(domain("<title>Shop</title><description>its front end</description>")) == "Shop\nits front end"
    assert xml.notes(domain("")) is None


def test_tag_comes_back_as_it_was_put() -> None:
    metadata = ET.Element("metadata")
    metadata.append(xml.owner_element(OWNER))
    text = ET.tostring(metadata, encoding="unicode")
    assert xml.ownership(domain(text)) == OWNER


@pytest.mark.parametrize("missing", ["wave", "run", "machine", "source-uuid", "role"])
def test_tag_that_lacks_a_part_proves_nothing(missing: str) -> None:
    element = xml.owner_element(OWNER)
    del element.attrib[missing]
    metadata = ET.Element("metadata")
    metadata.append(element)
    assert xml.ownership(domain(ET.tostring(metadata, encoding="unicode"))) is None

"""What is written is read back the same; what others write is read, and what cannot be meant is refused."""

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from packages import MIB, foreign, machine

from drover.errors import BadInputError, OperatorNeededError
from drover.model import Firmware, VirtualMachine
from drover.ovf import manifest, words
from drover.ovf.descriptor import PackedFile, write
from drover.ovf.reading import Described, read


def there_and_back(given: VirtualMachine) -> Described:
    return read(write(given, [PackedFile(f"disk{n}.vmdk", 10 + n, 5) for n in range(len(given.disks))]), "package x")


def test_a_machine_is_what_it_was() -> None:
    given = machine(disks=10)
    found = there_and_back(given)
    made = found.machine
    assert (made.name, made.uuid, made.cpu, made.memory) == (given.name, given.uuid, given.cpu, given.memory)
    assert (made.firmware, made.secure_boot) == (Firmware.UEFI, True)
    assert [(disk.size, disk.bus, disk.controller) for disk in made.disks] == [
        (disk.size, disk.bus, disk.controller) for disk in given.disks
    ]
    assert made.nics == given.nics
    assert [source and (source.href, source.size) for source in found.sources] == [
        (f"disk{n}.vmdk", 10 + n) for n in range(10)
    ]
    assert found.notes == ()


def test_a_scsi_controller_keeps_its_own_unit_free() -> None:
    """The unit 7 is the controller's; a disk there would not be found. Sixteen disks need a second controller."""
    disks = tuple(replace(machine(1).disks[0], name=f"d{n}") for n in range(16))
    given = replace(machine(1), disks=disks)
    root = ET.fromstring(write(given, [PackedFile(f"{n}.vmdk", 1, 1) for n in range(16)]))
    rasd = f"{{{words.RASD}}}"
    items = [item for item in root.iter(f"{{{words.OVF}}}Item") if item.findtext(f"{rasd}ResourceType") == "17"]
    places = [(item.findtext(f"{rasd}Parent"), item.findtext(f"{rasd}AddressOnParent")) for item in items]
    assert [unit for _, unit in places] == [*map(str, range(7)), *map(str, range(8, 16)), "0"]
    assert len({parent for parent, _ in places}) == 2
    assert [disk.size for disk in there_and_back(given).machine.disks] == [disk.size for disk in disks]


def test_the_facts_of_an_item_stand_in_the_order_of_the_schema() -> None:
    for item in ET.fromstring(write(machine(), [PackedFile("a", 1, 1)] * 2)).iter(f"{{{words.OVF}}}Item"):
        names = [child.tag for child in item if child.tag.startswith(f"{{{words.RASD}}}")]
        assert names == sorted(names)


def test_memory_that_the_format_cannot_say_is_refused() -> None:
    with pytest.raises(OperatorNeededError, match=r"has 1000 bytes of memory, and OVF counts in MiB\."):
        write(machine(memory=1000), [PackedFile("a", 1, 1)] * 2)


def test_a_disk_on_usb_is_refused() -> None:
    given = replace(machine(1), disks=(replace(machine(1).disks[0], bus="usb", controller=None),))
    with pytest.raises(OperatorNeededError, match="on the bus 'usb', which OVF does not know"):
        write(given, [PackedFile("a", 1, 1)])


def test_a_foreign_descriptor_is_read() -> None:
    found = read(foreign(), "package x")
    made = found.machine
    assert (made.name, made.cpu.count, made.memory, made.firmware) == ("foreign", 2, 512 * MIB, Firmware.BIOS)
    assert [(disk.size, disk.bus) for disk in made.disks] == [(2 * MIB, "sata")]
    assert [(nic.network, nic.model) for nic in made.nics] == [("NAT", "e1000")]
    assert made.nics[0].mac.startswith("52:54:00:")
    assert found.notes == ("'sound' is left out",)
    again = read(foreign(), "another place").machine
    assert (again.uuid, again.nics) == (made.uuid, made.nics), "a retry must find what it made"


@pytest.mark.parametrize(
    ("units", "capacity", "size"),
    [("byte * 2^30", "3", 3 << 30), ("GigaBytes", "1", 1 << 30), ("byte", "1024", 1024), ("bytes*1024", "4", 4096)],
)
def test_units_are_read(units: str, capacity: str, size: int) -> None:
    assert read(foreign(capacity, units), "package x").machine.disks[0].size == size


BAD = [
    (b"no xml", "is no XML"),
    (b"<x/>", "is no OVF"),
    (b'<!DOCTYPE x [<!ENTITY a "b">]><Envelope/>', "defines entities"),
    (b"<Envelope/>", "describes 0 machines"),
    (b"<Envelope>" + b"<VirtualSystem/>" * 2 + b"</Envelope>", "describes 2 machines"),
    (b"<Envelope><VirtualSystem/></Envelope>", "describes no hardware"),
    (foreign(capacity="${size}"), "does not say how large disk 1 is"),
    (foreign(units="parsec"), "counts in 'parsec', which is no unit of bytes"),
    (foreign(extra=' ovf:chunkSize="5"'), "has the file of disk 1 in pieces"),
    (foreign(extra=' ovf:compression="bzip2"'), "packed with bzip2"),
    (foreign().replace(b"foreign-disk1.vmdk", b"http://x/y"), "has the file of disk 1 at another address"),
    (foreign().replace(b'ovf:fileRef="file1"', b'ovf:fileRef="file1" ovf:parentRef="p"'), "lie upon another one"),
    (foreign().replace(b"/disk/vmdisk1", b"/disk/other"), "names no disk section for its disk 1"),
    (foreign().replace(b'ovf:id="file1"', b'ovf:id="file2"'), "names no file for disk 1"),
    (foreign().replace(b"Type>17<", b"Type>99<"), "gives its machine no disk"),
    (foreign().replace(b"Type>4<", b"Type>99<"), "does not say how much memory its machine has"),
]


@pytest.mark.parametrize(("text", "sentence"), BAD, ids=[sentence for _, sentence in BAD])
def test_what_cannot_be_meant_is_refused(text: bytes, sentence: str) -> None:
    with pytest.raises(BadInputError) as caught:
        read(text, "package x")
    assert sentence in caught.value.message
    assert caught.value.remedy


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512"])
def test_a_manifest_is_read_however_it_is_spaced(algorithm: str) -> None:
    value = "a" * manifest._LENGTHS[algorithm]
    text = f"{algorithm.upper()}(a b.vmdk)= {value}\r\n\r\n{algorithm.upper()} (c) = {value.upper()}\n".encode()
    found = manifest.read(text, "package x")
    assert {name: (one.algorithm, one.value) for name, one in found.items()} == {
        "a b.vmdk": (algorithm, value),
        "c": (algorithm, value),
    }


@pytest.mark.parametrize(
    "text", [b"MD5(a)= 00", b"SHA1(a)= 00", b"hello", b"SHA1(a)= " + b"a" * 40 + b"\nSHA1(a)= " + b"b" * 40]
)
def test_a_manifest_that_is_none_is_refused(text: bytes) -> None:
    with pytest.raises(BadInputError, match=r"Line \d of the manifest of package x is no digest of a file"):
        manifest.read(text, "package x")

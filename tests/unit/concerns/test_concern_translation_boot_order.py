from factory import CRITICAL, NIC, ask, categories, disk, machine, preflight

from drover.concerns import translation_boot_order as concern

HERE = machine(disks=(disk(name="scsi0:0"), disk(name="scsi0:1")), boot_order=("scsi0:1", NIC.mac))
THERE = (disk(name="sda"), disk(name="sdb"))


def test_the_same_places_under_other_names_are_no_concern():
    there = machine(disks=THERE, boot_order=("sdb", NIC.mac))
    assert categories(concern, preflight(HERE, translated=there)) == []


def test_a_kind_of_device_is_the_first_of_it():
    old = machine(disks=HERE.disks, boot_order=("hd", "network"))
    assert categories(concern, preflight(old, translated=machine(disks=THERE, boot_order=("sda", NIC.mac)))) == []
    assert categories(concern, preflight(old, translated=machine(disks=THERE, boot_order=("sdb", NIC.mac)))) == [
        CRITICAL
    ]


def test_no_order_at_the_source_asks_for_none():
    assert categories(concern, preflight(translated=machine(boot_order=("vda",)))) == []


def test_another_order_blocks_and_is_told_by_place():
    (found,) = ask(concern, preflight(HERE, translated=machine(disks=THERE, boot_order=("sda",))))
    assert found.category is CRITICAL
    assert "boots from disk 2, network adapter 1; at the target from disk 1" in found.assessment
    assert categories(concern, preflight(HERE, translated=machine(disks=THERE))) == [CRITICAL]

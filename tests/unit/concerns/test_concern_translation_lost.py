import pytest
from factory import CRITICAL, ask, categories, disk, machine, preflight

from drover.concerns import translation_lost as concern


def test_settings_that_stay_and_defaults_are_no_concern():
    assert categories(concern, preflight()) == []
    kept = machine(secure_boot=True, disks=(disk(serial="s1", read_only=True),))
    assert categories(concern, preflight(kept)) == []


@pytest.mark.parametrize(
    ("had", "word"),
    [
        ({"secure_boot": True}, "secure boot on; at the target off"),
        ({"disks": (disk(serial="s1"),)}, "disk 1 serial number s1; at the target off"),
        ({"disks": (disk(read_only=True),)}, "disk 1 read only"),
        ({"disks": (disk(shared=True),)}, "disk 1 shared"),
        ({"machine_type": "pc-q35-9.0"}, "machine type pc-q35-9.0; at the target pc-q35-7.2"),
    ],
)
def test_each_that_is_dropped_blocks(had, word):
    (found,) = ask(concern, preflight(machine(**had), translated=machine()))
    assert found.category is CRITICAL
    assert word in found.assessment


def test_another_kind_has_no_machine_types_to_keep():
    p = preflight(machine(hypervisor="vsphere", machine_type="vmx-21"), translated=machine())
    assert categories(concern, p) == []


def test_a_disk_that_is_missing_there_has_lost_its_settings_too():
    assert categories(concern, preflight(machine(disks=(disk(serial="s1"),)), translated=machine(disks=()))) == [
        CRITICAL
    ]

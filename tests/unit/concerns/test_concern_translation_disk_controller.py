import pytest
from factory import CRITICAL, WARNING, ask, categories, disk, machine, preflight

from drover.concerns import translation_disk_controller as concern

PVSCSI = machine(disks=(disk(name="scsi0:0", bus="scsi", controller="pvscsi"),) * 2)
SATA = disk(name="sda", bus="sata", controller="ahci")


@pytest.mark.parametrize(
    ("here", "there"), [("pvscsi", "pvscsi"), ("hyperv-ide", "ide"), ("ide", "hyperv-ide"), (None, None)]
)
def test_the_same_controller_under_another_name_of_the_disk_is_no_concern(here, there):
    before, after = machine(disks=(disk(controller=here),)), machine(disks=(disk(name="sdb", controller=there),))
    assert categories(concern, preflight(before, translated=after)) == []


def test_another_controller_is_a_warning_where_a_trial_boot_shows_what_comes_of_it():
    found = ask(concern, preflight(PVSCSI, translated=machine(disks=(SATA, SATA))))
    assert [each.category for each in found] == [WARNING, WARNING]
    assert "hangs on pvscsi; at the target it is on ahci" in found[0].assessment


def test_without_a_trial_boot_the_first_disk_blocks():
    mappings = {"networks": {"production": "production"}, "storage": {"default": "default"}}
    p = preflight(PVSCSI, translated=machine(disks=(SATA, SATA)), mappings=mappings)
    assert categories(concern, p) == [CRITICAL, WARNING]


def test_a_controller_that_nobody_named_is_no_match():
    before = machine(disks=(disk(bus="scsi", controller=None),))
    after = machine(disks=(disk(bus="scsi", controller="lsilogic"),))
    assert categories(concern, preflight(before, translated=after)) == [WARNING]

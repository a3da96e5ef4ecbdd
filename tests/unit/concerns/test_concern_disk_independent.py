from factory import CRITICAL, WARNING, categories, disk, machine, preflight

from drover.concerns import disk_independent as concern
from drover.model import PowerState

DISKS = (disk(), disk(independent=True))


def test_a_disk_that_snapshots_take_in_is_no_concern():
    assert categories(concern, preflight()) == []
    assert categories(concern, preflight(None)) == []


def test_one_that_they_leave_out_blocks_unless_the_machine_is_off():
    assert categories(concern, preflight(machine(disks=DISKS))) == [CRITICAL]
    assert categories(concern, preflight(machine(disks=DISKS, state=PowerState.OFF))) == [WARNING]


def test_a_state_that_nobody_knows_blocks():
    assert categories(concern, preflight(machine(disks=DISKS, state=PowerState.OTHER))) == [CRITICAL]

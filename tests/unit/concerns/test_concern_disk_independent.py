from factory import CRITICAL, WARNING, ask, categories, disk, machine, preflight

from drover.concerns import disk_independent as concern
from drover.model import PowerState

DISKS = (disk(), disk(independent=True))


def test_a_disk_that_snapshots_take_in_is_no_concern():
    assert categories(concern, preflight()) == []
    assert categories(concern, preflight(None)) == []


def test_one_that_they_leave_out_blocks_unless_the_machine_is_off():
    (found,) = ask(concern, preflight(machine(disks=DISKS)))
    assert found.category is CRITICAL
    assert found.assessment == (
        "Disk vda of 'web' is independent, so snapshots leave it out. "
        "Without a snapshot a running machine's disk cannot be backed up as it is at one moment. "
        "Make it dependent (its disk mode 'persistent'), or shut the machine down before the wave."
    )
    assert categories(concern, preflight(machine(disks=DISKS, state=PowerState.OFF))) == [WARNING]


def test_a_state_that_nobody_knows_blocks():
    assert categories(concern, preflight(machine(disks=DISKS, state=PowerState.OTHER))) == [CRITICAL]

from factory import CRITICAL, categories, disk, machine, preflight

from drover.concerns import disk_read_only as concern


def test_a_disk_that_can_be_written_is_no_concern():
    assert categories(concern, preflight()) == []


def test_a_read_only_disk_blocks():
    assert categories(concern, preflight(machine(disks=(disk(), disk(name="sda", read_only=True))))) == [CRITICAL]

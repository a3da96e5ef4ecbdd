from factory import CRITICAL, WARNING, categories, disk, machine, preflight

from drover.concerns import disk_backing as concern

CLONE = machine(disks=(disk(backing="/pool/base.qcow2"),))


def test_a_disk_of_its_own_is_no_concern():
    assert categories(concern, preflight()) == []


def test_a_backing_image_blocks_a_live_move_and_warns_of_a_cold_one():
    assert categories(concern, preflight(CLONE, live=True)) == [CRITICAL]
    assert categories(concern, preflight(CLONE)) == [WARNING]

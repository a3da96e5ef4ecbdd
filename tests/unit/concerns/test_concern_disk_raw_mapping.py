from factory import CRITICAL, categories, disk, machine, preflight

from drover.concerns import disk_raw_mapping as concern


def test_an_ordinary_disk_is_no_concern():
    assert categories(concern, preflight()) == []
    assert categories(concern, preflight(None)) == []


def test_a_mapping_blocks_for_each_disk():
    mapped = machine(disks=(disk(raw_mapping=True), disk(), disk(raw_mapping=True)))
    assert categories(concern, preflight(mapped)) == [CRITICAL, CRITICAL]

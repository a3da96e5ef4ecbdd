from factory import CRITICAL, ask, categories, disk, is_unknown, machine, preflight

from drover.concerns import storage_unmapped as concern


def test_a_mapped_pool_is_no_concern():
    assert categories(concern, preflight()) == []


def test_a_pool_that_is_not_mapped_blocks_once_for_all_its_disks():
    found = ask(concern, preflight(machine(disks=(disk(pool="fast"), disk(name="vdb", pool="fast")))))
    assert [each.category for each in found] == [CRITICAL]
    assert "'fast'" in found[0].assessment


def test_a_disk_outside_all_pools_blocks():
    assert is_unknown(ask(concern, preflight(machine(disks=(disk(pool=None),)))))

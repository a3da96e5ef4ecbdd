import dataclasses

from factory import CRITICAL, GIB, POOL, ask, categories, disk, is_unknown, machine, preflight

from drover.concerns import disk_over_pool as concern


def pool(capacity: int, **changes):
    return (dataclasses.replace(POOL, capacity=capacity, **changes),)


def test_a_disk_that_fits_is_no_concern():
    assert categories(concern, preflight(pools=pool(4 * GIB))) == []


def test_a_disk_larger_than_its_whole_pool_blocks():
    (found,) = ask(concern, preflight(pools=pool(4 * GIB - 1)))
    assert found.category is CRITICAL
    assert "4.0 GiB" in found.assessment


def test_each_disk_is_asked_by_itself():
    disks = (disk(), disk(name="vdb", size=9 * GIB))
    assert len(ask(concern, preflight(machine(disks=disks), pools=pool(8 * GIB)))) == 1


def test_a_pool_that_does_not_tell_its_size_blocks():
    assert is_unknown(ask(concern, preflight(pools=pool(0))))


def test_a_pool_that_is_not_there_is_told_elsewhere():
    assert categories(concern, preflight(pools=())) == []
    assert categories(concern, preflight(machine(disks=(disk(pool=None),)))) == []
    assert categories(concern, preflight(pools=pool(0, active=False))) == []

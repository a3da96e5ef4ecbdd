import pytest
from factory import CRITICAL, ask, categories, disk, is_unknown, machine, preflight

from drover.concerns import disk_capacity as concern


def test_whole_sectors_are_no_concern():
    assert categories(concern, preflight(machine(disks=(disk(size=512),)))) == []


def test_half_a_sector_blocks():
    assert categories(concern, preflight(machine(disks=(disk(size=513),)))) == [CRITICAL]


@pytest.mark.parametrize("changes", [{"size": 0}, {"size": -1}, {"allocated": -1}])
def test_a_size_that_nobody_knows_blocks(changes):
    assert is_unknown(ask(concern, preflight(machine(disks=(disk(**changes),)))))


def test_a_disk_that_could_not_be_read_blocks_though_it_has_a_size():
    assert is_unknown(ask(concern, preflight(machine(devices=("unreadable-disk-vda",)))))
    assert categories(concern, preflight(machine(devices=("unreadable-disk-vdz",)))) == []

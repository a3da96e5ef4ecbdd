"""Source and target call a disk by names of their own: what pairs them is the place in the machine."""

import dataclasses
from pathlib import Path

import pytest
from fake_host import MIB

from drover.errors import CorruptionError

FIRST, SECOND = bytes(MIB) + b"\x11" * MIB, b"\x22" * MIB


@pytest.fixture
def other_names(site):
    """`scsi0:0` and `scsi0:1` at the source; at the target the same two letters the other way round would mislead."""
    site.source.known.clear()
    site.source.add("web", {"scsi0:1": FIRST, "scsi0:0": SECOND})
    site.target.disk_names = "scsi0:{}"
    return site


def images(site) -> list[bytes]:
    return [Path(disk.path).read_bytes() for disk in site.target.known["web"].disks]


def test_a_cold_move_puts_each_disk_in_its_place_and_validates(other_names):
    other_names.run_until("commit")
    assert images(other_names) == [FIRST, SECOND]
    assert [disk.name for disk in other_names.target.known["web"].disks] == ["scsi0:0", "scsi0:1"]


def test_a_live_move_compares_each_disk_with_the_one_in_its_place(other_names):
    other_names.wave["machines"][0] |= {"strategy": "live", "compare_at_switchover": True}
    other_names.run_until("commit")
    assert images(other_names) == [FIRST, SECOND]


def test_a_difference_is_told_with_both_names(other_names):
    other_names.run_until("validate")
    Path(other_names.target.known["web"].disks[1].path).write_bytes(b"\x23" + SECOND[1:])
    with pytest.raises(CorruptionError, match=r"Disk scsi0:0 \(scsi0:1 at the target\) differs"):
        other_names.run("validate")


def test_disks_in_the_wrong_order_are_seen_though_their_names_are_right(other_names):
    other_names.run_until("validate")
    made = other_names.target.known["web"]
    other_names.target.change("web", disks=tuple(reversed(made.disks)))
    with pytest.raises(CorruptionError, match="Put the disks in the right order"):
        other_names.run("validate")


def test_a_disk_too_many_at_the_target_is_never_paired(other_names):
    other_names.run_until("validate")
    made = other_names.target.known["web"]
    other_names.target.change("web", disks=(*made.disks, dataclasses.replace(made.disks[0], name="sata0:0")))
    with pytest.raises(CorruptionError, match="2 disks at the source and 3 at the target"):
        other_names.run("validate")

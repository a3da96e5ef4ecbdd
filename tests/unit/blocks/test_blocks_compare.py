import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from disks import MIB, convert, flip, make_raw, nbdkit, overwrite, qemu_io

from drover.blocks.compare import Comparison, compare
from drover.blocks.images import serve_image
from drover.blocks.ranges import Range
from drover.errors import OperatorNeededError

SIZE = 24 * MIB
FORMATS = ("raw", "qcow2", "vmdk", "vhdx")


@pytest.fixture
def disk(folder: Path) -> Path:
    return make_raw(folder / "first.raw", SIZE, [(0, 9 * MIB), (SIZE - MIB, MIB)])


@pytest.fixture
def compared(quiet: Any) -> Callable[[Path, Path], Comparison]:
    def run(first: Path, second: Path) -> Comparison:
        with (
            serve_image(first, format=None, read_only=True) as a,
            serve_image(second, format=None, read_only=True) as b,
        ):
            return compare(a, b, **quiet)

    return run


@pytest.fixture
def saboteur(disk: Path, folder: Path, compared: Any) -> Callable[[Callable[[Path], None]], list[Range]]:
    """What is found after someone did this to a copy of the disk."""

    def run(harm: Callable[[Path], None]) -> list[Range]:
        copy = Path(shutil.copy(disk, folder / "second.raw"))
        harm(copy)
        result: Comparison = compared(disk, copy)
        assert result.equal == (not result.differences)
        return result.differences

    return run


def test_an_untouched_copy_is_equal(saboteur: Any) -> None:
    assert saboteur(lambda path: None) == []


@pytest.mark.parametrize("offset", [0, 511, 4 * MIB - 1, 4 * MIB, SIZE - 1])
def test_a_flipped_byte_is_found_exactly(saboteur: Any, offset: int) -> None:
    assert saboteur(lambda path: flip(path, offset)) == [Range(offset, 1)]


def test_a_byte_in_a_hole_is_found(saboteur: Any) -> None:
    assert saboteur(lambda path: flip(path, 15 * MIB)) == [Range(15 * MIB, 1)]


def test_a_zeroed_sector_is_found(saboteur: Any) -> None:
    (found,) = saboteur(lambda path: overwrite(path, 5 * MIB + 512, bytes(512)))
    # Bytes of the sector that were zero before are no difference.
    assert 5 * MIB + 512 <= found.offset < 5 * MIB + 520
    assert 5 * MIB + 1016 < found.end <= 5 * MIB + 1024


def test_exchanged_chunks_are_both_found(saboteur: Any) -> None:
    def exchange(path: Path) -> None:
        content = path.read_bytes()
        overwrite(path, 0, content[4 * MIB : 8 * MIB])
        overwrite(path, 4 * MIB, content[: 4 * MIB])

    (found,) = saboteur(exchange)
    assert found.offset < 16
    assert 8 * MIB - 16 < found.end <= 8 * MIB


def test_differences_apart_stay_apart_and_touching_ones_are_one(saboteur: Any) -> None:
    def harm(path: Path) -> None:
        flip(path, MIB)
        flip(path, 9 * MIB + 7)
        overwrite(path, 12 * MIB - 512, b"x" * 1024)  # over the border of two requests

    assert saboteur(harm) == [Range(MIB, 1), Range(9 * MIB + 7, 1), Range(12 * MIB - 512, 1024)]


@pytest.mark.parametrize("cut", [512, 4 * MIB, 3 * MIB + 512, 100])
def test_a_truncated_disk_is_found_in_either_order(disk: Path, folder: Path, compared: Any, cut: int) -> None:
    shorter = Path(shutil.copy(disk, folder / "second.raw"))
    os.truncate(shorter, SIZE - cut)
    assert compared(disk, shorter) == Comparison((SIZE, SIZE - cut), [Range(SIZE - cut, cut)])
    assert compared(shorter, disk) == Comparison((SIZE - cut, SIZE), [Range(SIZE - cut, cut)])


def test_a_longer_tail_of_zeroes_is_still_a_difference(saboteur: Any) -> None:
    assert saboteur(lambda path: os.truncate(path, SIZE + MIB)) == [Range(SIZE, MIB)]


def test_exchanged_disks_are_told_apart(disk: Path, folder: Path, compared: Any) -> None:
    other = make_raw(folder / "other.raw", SIZE, [(0, 9 * MIB), (SIZE - MIB, MIB)], seed=2)
    assert sum(found.length for found in compared(disk, other).differences) > 9 * MIB


def test_holes_and_written_zeroes_are_equal(disk: Path, folder: Path, compared: Any) -> None:
    full = folder / "full.raw"
    full.write_bytes(disk.read_bytes())
    assert full.stat().st_blocks > disk.stat().st_blocks
    assert compared(disk, full).equal


@pytest.mark.parametrize("first", FORMATS)
@pytest.mark.parametrize("second", FORMATS)
def test_any_pair_of_formats(disk: Path, folder: Path, compared: Any, first: str, second: str) -> None:
    left = convert(disk, folder / f"left.{first}", first)
    right = convert(disk, folder / f"right.{second}", second)
    assert compared(left, right) == Comparison((SIZE, SIZE), [])
    qemu_io(right, second, "write -P 0x5a 11534336 512")  # in a hole, at 11 MiB
    assert compared(left, right).differences == [Range(11 * MIB, 512)]


def test_an_unreadable_extent_is_never_equal(disk: Path, folder: Path, quiet: Any) -> None:
    with (
        nbdkit(folder, "a", "--filter=error", "file", str(disk), "error-pread=EIO", "error-pread-rate=100%") as a,
        serve_image(disk, format=None, read_only=True) as b,
        pytest.raises(OperatorNeededError, match="could not be read"),
    ):
        compare(a.endpoint, b, **quiet)

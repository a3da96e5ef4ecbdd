import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3
from disks import MIB, flip, make_raw, nbdkit, overwrite

from drover.blocks.endpoint import Endpoint
from drover.blocks.images import create_image, serve_image
from drover.blocks.journal import read_binding
from drover.blocks.manifest import differences
from drover.blocks.ranges import Range
from drover.blocks.readback import read_manifest
from drover.blocks.throttle import Throttle
from drover.blocks.verified import Heal, verified_copy, verified_copy_to
from drover.errors import CorruptionError, OperatorNeededError, RetryableError
from drover.model import DiskFormat, Progress

SIZE = 40 * MIB + 512
DATA = [(0, 6 * MIB), (17 * MIB, 3 * MIB + 512), (SIZE - 1024, 1024)]


@pytest.fixture
def source(folder: Path) -> Path:
    return make_raw(folder / "source.raw", SIZE, DATA)


@pytest.fixture
def target(folder: Path) -> Path:
    create_image(folder / "target.qcow2", DiskFormat.QCOW2, SIZE)
    return folder / "target.qcow2"


def test_a_copy_holds_the_same_bytes_and_skips_holes(source: Path, folder: Path, carry: Any, quiet: Any) -> None:
    target = make_raw(folder / "target.raw", SIZE, [])
    with serve_image(source, format=None, read_only=True) as a, serve_image(target, format=None, read_only=False) as b:
        done = carry(a, b)
        assert read_manifest(b, **quiet) == done.manifest
    content = source.read_bytes()
    assert target.read_bytes() == content
    assert done.bytes_read + done.bytes_skipped == done.size == SIZE
    assert done.bytes_read < 10 * MIB
    assert done.bytes_written <= done.bytes_read
    assert done.manifest.digest(4) == blake3(content[16 * MIB : 20 * MIB]).digest()
    assert target.stat().st_blocks * 512 < 12 * MIB, "holes stay holes"


@pytest.mark.parametrize("format", ["raw", "qcow2"])
def test_what_the_target_held_before_is_zeroed_where_the_source_is_zero(
    source: Path, folder: Path, carry: Any, format: str
) -> None:
    target = folder / f"target.{format}"
    create_image(target, DiskFormat(format), SIZE)
    dirt = make_raw(folder / "dirt.raw", SIZE, [(0, SIZE)], seed=2)
    with serve_image(target, format=format, read_only=False) as b:
        with serve_image(dirt, format="raw", read_only=True) as dirty:
            carry(dirty, b)
        with serve_image(source, format="raw", read_only=True) as a:
            done = carry(a, b)
            assert read_manifest(b, throttle=Throttle(), progress=lambda _progress: None) == done.manifest
            assert read_manifest(a, throttle=Throttle(), progress=lambda _progress: None) == done.manifest


def test_a_server_without_extents_zeroes_or_several_connections_will_do(
    source: Path, folder: Path, carry: Any, quiet: Any
) -> None:
    target = make_raw(folder / "target.raw", SIZE, [(0, SIZE)], seed=3)
    plain = ("--filter=noextents", "--filter=nozero", "--filter=multi-conn", "file")
    with (
        nbdkit(folder, "a", *plain, str(source), "multi-conn-mode=disable") as a,
        nbdkit(folder, "b", *plain, str(target), "multi-conn-mode=disable") as b,
    ):
        done = carry(a.endpoint, b.endpoint)
        assert read_manifest(b.endpoint, **quiet) == done.manifest
    assert target.read_bytes() == source.read_bytes()
    assert done.bytes_skipped == 0
    assert done.bytes_written < done.bytes_read, "zeroes are found in what was read"


def test_a_finished_journal_leaves_nothing_to_read(source: Path, target: Path, folder: Path, carry: Any) -> None:
    journal = folder / "journal"
    with (
        serve_image(source, format="raw", read_only=True) as a,
        serve_image(target, format="qcow2", read_only=False) as b,
    ):
        first = carry(a, b, journal)
        again = carry(a, b, journal)
    assert again.bytes_read == 0
    assert again.bytes_resumed == first.bytes_read
    assert again.manifest == first.manifest


def test_a_changed_source_is_read_anew(source: Path, target: Path, folder: Path, carry: Any) -> None:
    journal = folder / "journal"
    with serve_image(target, format="qcow2", read_only=False) as b:
        with serve_image(source, format="raw", read_only=True) as a:
            first = carry(a, b, journal)
        flip(source, 100)
        with serve_image(source, format="raw", read_only=True) as a:
            again = carry(a, b, journal)
    assert again.bytes_resumed == 0
    assert differences(first.manifest, again.manifest) == [Range(0, 4 * MIB)]


def test_a_source_that_cannot_tell_its_state_is_never_resumed(
    source: Path, target: Path, folder: Path, carry: Any
) -> None:
    with nbdkit(folder, "a", "file", str(source)) as a, serve_image(target, format="qcow2", read_only=False) as b:
        carry(a.endpoint, b, folder / "journal")
        assert carry(a.endpoint, b, folder / "journal").bytes_resumed == 0
    assert read_binding(folder / "journal") is None


def test_the_sample_finds_a_source_that_lies_about_its_state(folder: Path, carry: Any) -> None:
    """Every chunk was changed and the version stayed: one in a hundred is looked at again."""
    source = make_raw(folder / "a.raw", 100 * MIB // 16, [(0, 100 * MIB // 16)])
    target = make_raw(folder / "b.raw", 100 * MIB // 16, [])
    small = {"chunk_size": 64 << 10}
    with nbdkit(folder, "b", "file", str(target)) as b:
        with nbdkit(folder, "a", "file", str(source), version="1") as a:
            carry(a.endpoint, b.endpoint, folder / "journal", **small)
        for offset in range(0, 100 * MIB // 16, 64 << 10):
            flip(source, offset)
        with (
            nbdkit(folder, "a", "file", str(source), version="1") as a,
            pytest.raises(CorruptionError, match="gave other"),
        ):
            carry(a.endpoint, b.endpoint, folder / "journal", **small)


def test_other_sizes_are_refused(source: Path, folder: Path, carry: Any) -> None:
    target = make_raw(folder / "target.raw", SIZE + 512, [])
    with (
        serve_image(source, format="raw", read_only=True) as a,
        serve_image(target, format="raw", read_only=False) as b,
        pytest.raises(OperatorNeededError, match=f"has {SIZE} bytes and .* has {SIZE + 512}"),
    ):
        carry(a, b)


def test_a_read_only_target_is_refused(source: Path, target: Path, carry: Any) -> None:
    with (
        serve_image(source, format="raw", read_only=True) as a,
        serve_image(target, format="qcow2", read_only=True) as b,
        pytest.raises(OperatorNeededError, match="read-only"),
    ):
        carry(a, b)


def test_a_disk_that_is_not_as_large_as_its_owner_knew_is_refused(source: Path, folder: Path, carry: Any) -> None:
    target = make_raw(folder / "target.raw", SIZE, [])
    with (
        nbdkit(folder, "a", "file", str(source), size=SIZE + 4096) as a,
        nbdkit(folder, "b", "file", str(target)) as b,
        pytest.raises(OperatorNeededError, match=f"a shrank from {SIZE + 4096} to {SIZE} bytes"),
    ):
        carry(a.endpoint, b.endpoint)


def test_a_disk_that_shrinks_on_the_way_is_a_failure(source: Path, folder: Path, carry: Any) -> None:
    target = make_raw(folder / "target.raw", SIZE, [])
    with nbdkit(folder, "a", "file", str(source)) as a, nbdkit(folder, "b", "file", str(target)) as b:
        shrunk: list[bool] = []

        def shrink(_progress: object) -> None:
            if not shrunk:
                shrunk.append(True)
                os.truncate(source, SIZE // 2)

        with pytest.raises(OperatorNeededError, match="shrank|could not be read"):
            carry(a.endpoint, b.endpoint, progress=shrink)


def test_an_unreadable_extent_is_a_failure_that_is_named(source: Path, folder: Path, carry: Any) -> None:
    target = make_raw(folder / "target.raw", SIZE, [])
    with (
        nbdkit(folder, "a", "--filter=error", "file", str(source), "error-pread=EIO", "error-pread-rate=100%") as a,
        nbdkit(folder, "b", "file", str(target)) as b,
        pytest.raises(OperatorNeededError, match=r"a could not be read at bytes \d+ to \d+: Input/output error"),
    ):
        carry(a.endpoint, b.endpoint)


def test_no_room_at_the_target_is_told(source: Path, folder: Path, carry: Any) -> None:
    with (
        nbdkit(folder, "a", "file", str(source)) as a,
        nbdkit(folder, "b", "full", str(SIZE)) as b,
        pytest.raises(OperatorNeededError, match="no room left for b"),
    ):
        carry(a.endpoint, b.endpoint)


@pytest.mark.parametrize("victim", ["source", "target"])
def test_a_server_that_goes_away_can_be_retried(source: Path, folder: Path, carry: Any, victim: str) -> None:
    target = make_raw(folder / "target.raw", SIZE, [])
    slow = ("--filter=delay", "file")
    with (
        nbdkit(folder, "a", *slow, str(source), "rdelay=50ms") as a,
        nbdkit(folder, "b", *slow, str(target), "wdelay=50ms") as b,
    ):
        kill = (a if victim == "source" else b).kill
        with pytest.raises(RetryableError, match="broke while|does not answer"):
            carry(a.endpoint, b.endpoint, progress=lambda _progress: kill())


def test_nobody_there_can_be_retried(source: Path, folder: Path, carry: Any) -> None:
    with serve_image(source, format="raw", read_only=True) as a:
        with nbdkit(folder, "b", "memory", str(SIZE)) as b:
            pass
        with pytest.raises(RetryableError, match="b does not answer"):
            carry(a, b.endpoint)


# What comes after the copy


def test_a_target_that_lost_bytes_is_healed(source: Path, folder: Path) -> None:
    target = make_raw(folder / "target.raw", SIZE, [])

    def harm(progress: Progress) -> None:
        if progress.done == SIZE and progress.label == "a" and not harmed:
            harmed.append(True)
            overwrite(target, 5 * MIB, b"not what was sent")
            flip(target, 30 * MIB)

    harmed: list[bool] = []
    with nbdkit(folder, "a", "file", str(source)) as a, nbdkit(folder, "b", "file", str(target)) as b:
        done = verified_copy(a.endpoint, b.endpoint, journal=None, throttle=Throttle(), progress=harm)
    assert target.read_bytes() == source.read_bytes()
    assert done.healed == (Heal(1, (Range(4 * MIB, 4 * MIB), Range(28 * MIB, 4 * MIB))),)
    assert done.target == done.copy.manifest


def test_a_target_that_keeps_losing_bytes_is_named(source: Path, folder: Path, quiet: Any) -> None:
    """Storage that says it wrote and did not: the same place is wrong at every reading."""
    target = make_raw(folder / "target.raw", SIZE, [])
    with nbdkit(folder, "a", "file", str(source)) as a, nbdkit(folder, "b", "file", str(target)) as b:

        @contextmanager
        def reader() -> Iterator[Endpoint]:
            overwrite(target, 17 * MIB, b"never what was sent")
            yield b.endpoint

        with pytest.raises(CorruptionError) as caught:
            verified_copy_to(a.endpoint, lambda: nullcontext(b.endpoint), reader, journal=None, **quiet)
    assert f"b does not hold what was written to it: bytes {16 * MIB} to {20 * MIB - 1} differ" in str(caught.value)
    assert "after 2 more tries" in str(caught.value)


def test_healing_from_a_source_that_changed_is_a_failure(source: Path, folder: Path, quiet: Any) -> None:
    target = make_raw(folder / "target.raw", SIZE, [])
    with nbdkit(folder, "a", "file", str(source)) as a, nbdkit(folder, "b", "file", str(target)) as b:

        @contextmanager
        def reader() -> Iterator[Endpoint]:
            flip(target, 0)
            flip(source, 1)
            yield b.endpoint

        with pytest.raises(CorruptionError, match="a gave other bytes 0 to"):
            verified_copy_to(a.endpoint, lambda: nullcontext(b.endpoint), reader, journal=None, **quiet)

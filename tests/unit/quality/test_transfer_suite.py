"""The transfer suite against every kind of damage on the way, with real Great Expectations checkpoints."""

import dataclasses
import json
import os
from pathlib import Path

import pandas as pd
from blake3 import blake3

from drover.blocks.manifest import Manifest
from drover.quality import Verdict, transfer

CHUNK = 4096


def manifest(content: bytes) -> Manifest:
    pieces = (content[at : at + CHUNK] for at in range(0, len(content), CHUNK))
    return Manifest(len(content), CHUNK, b"".join(blake3(piece).digest() for piece in pieces))


def content(seed: int, chunks: int) -> bytes:
    return b"".join(bytes([seed, number]) * (CHUNK // 2) for number in range(chunks))


VDA, VDB = content(1, 8), content(2, 8)
SOURCE = {"vda": manifest(VDA), "vdb": manifest(VDB)}


def validate(tmp_path: Path, target: dict[str, Manifest]) -> Verdict:
    return transfer.validate(SOURCE, target, tmp_path)


def test_what_arrived_whole_passes_and_leaves_results_and_data_docs(tmp_path: Path) -> None:
    verdict = validate(tmp_path, dict(SOURCE))

    assert (verdict.passed, verdict.failures, verdict.suite) == (True, (), "transfer")
    kept = json.loads(Path(verdict.result_path).read_text())
    results = [json.loads((tmp_path / file).read_text()) for file in kept["results"]]
    assert sum(result["statistics"]["evaluated_expectations"] for result in results) == verdict.checks == 15
    index, pages = Path(verdict.docs), list(Path(verdict.docs).parent.rglob("*.html"))
    assert len(pages) == 5, "the index, and of each table its rules and its results"
    assert "transfer_chunks" in index.read_text()
    assert all(page.name in index.read_text() for page in pages if page != index)


def flipped(data: bytes, at: int) -> Manifest:
    changed = bytearray(data)
    changed[at] ^= 1
    return manifest(bytes(changed))


def test_one_flipped_byte_is_told_with_disk_and_range(tmp_path: Path) -> None:
    verdict = validate(tmp_path, {**SOURCE, "vdb": flipped(VDB, 5 * CHUNK + 17)})

    assert not verdict.passed
    assert verdict.failures == (
        "Disk vdb differs at the target: bytes 20480 to 24575 (4096 bytes). "
        "Run the transfer again; if it happens again, look at the target's storage.",
    )


def test_the_first_and_the_last_byte_count(tmp_path: Path) -> None:
    told = " ".join(validate(tmp_path, {"vda": flipped(VDA, 0), "vdb": flipped(VDB, 8 * CHUNK - 1)}).failures)

    assert "Disk vda differs at the target: bytes 0 to 4095 (4096 bytes)" in told
    assert "Disk vdb differs at the target: bytes 28672 to 32767 (4096 bytes)" in told


def test_ranges_are_merged_and_counted(tmp_path: Path) -> None:
    zeroed = VDA[:CHUNK] + bytes(2 * CHUNK) + VDA[3 * CHUNK : 6 * CHUNK] + bytes(CHUNK) + VDA[7 * CHUNK :]

    (failure,) = validate(tmp_path, {**SOURCE, "vda": manifest(zeroed)}).failures

    assert "bytes 4096 to 12287, bytes 24576 to 28671 (12288 bytes in 2 ranges)" in failure


def test_exchanged_disks_are_recognised(tmp_path: Path) -> None:
    verdict = validate(tmp_path, {"vda": SOURCE["vdb"], "vdb": SOURCE["vda"]})

    assert not verdict.passed
    assert verdict.failures[0].startswith("Disk vda at the target holds what vdb should hold.")
    assert verdict.failures[1].startswith("Disk vdb at the target holds what vda should hold.")


def test_exchanged_disks_of_different_sizes_are_recognised(tmp_path: Path) -> None:
    source = {"vda": manifest(content(1, 3)), "vdb": manifest(content(2, 5))}

    verdict = transfer.validate(source, {"vda": source["vdb"], "vdb": source["vda"]}, tmp_path)

    assert any(words.startswith("Disk vda at the target holds what vdb should hold.") for words in verdict.failures)


def test_exchanged_chunks_are_recognised(tmp_path: Path) -> None:
    swapped = VDA[CHUNK : 2 * CHUNK] + VDA[:CHUNK] + VDA[2 * CHUNK :]

    verdict = validate(tmp_path, {**SOURCE, "vda": manifest(swapped)})

    assert not verdict.passed
    assert "bytes 0 to 4095 hold what belongs at byte 4096" in verdict.failures[1]


def test_another_length_is_told(tmp_path: Path) -> None:
    told = " ".join(
        validate(tmp_path, {"vda": manifest(VDA[: 5 * CHUNK + 512]), "vdb": manifest(VDB + bytes(512))}).failures
    )

    assert (
        "Disk vda is cut off: it has 32768 bytes at the source and 20992 at the target (bytes 20992 to 32767)" in told
    )
    assert "Disk vdb is too long: it has 32768 bytes at the source and 33280 at the target (bytes 32768 to" in told


def test_a_cut_at_a_chunks_end_is_told(tmp_path: Path) -> None:
    (told,) = validate(tmp_path, {**SOURCE, "vda": manifest(VDA[: 5 * CHUNK])}).failures

    assert told.startswith("Disk vda is cut off: it has 32768 bytes at the source and 20480 at the target")


def test_a_disk_missing_and_a_disk_too_many_are_told(tmp_path: Path) -> None:
    verdict = validate(tmp_path, {"vda": SOURCE["vda"], "vdc": manifest(content(3, 1))})

    assert not verdict.passed
    assert [failure.split(". ")[0] for failure in verdict.failures] == [
        "Disk vdb is missing at the target",
        "Disk vdc is at the target but not at the source",
    ]


def test_nothing_to_compare_is_no_success(tmp_path: Path) -> None:
    verdict = transfer.validate({}, {}, tmp_path)

    assert not verdict.passed
    assert "There is no disk to compare." in verdict.failures[0]


def test_other_chunk_sizes_cannot_be_compared(tmp_path: Path) -> None:
    other = Manifest(len(VDA), 2 * CHUNK, SOURCE["vda"].digests[: 4 * 32])

    verdict = validate(tmp_path, {**SOURCE, "vda": other})

    assert not verdict.passed
    assert "chunks of 4096 bytes at the source and of 8192 at the target" in " ".join(verdict.failures)


class Told:
    """A manifest whose table says something that no honest reading could."""

    def __init__(self, honest: Manifest, frame: pd.DataFrame) -> None:
        self.size, self.chunk_size, self.digests = dataclasses.astuple(honest)
        self._frame = frame

    def to_frame(self) -> pd.DataFrame:
        return self._frame


def test_what_was_not_read_is_never_a_pass(tmp_path: Path) -> None:
    honest = SOURCE["vda"]
    frame = honest.to_frame()
    tables = {
        "none": frame.assign(digest=frame["digest"].where(frame.index != 2)),
        "half": frame.assign(digest=frame["digest"].where(frame.index != 3, "abcd")),
        "gap": frame.drop(index=2).reset_index(drop=True),
        "tail": frame.drop(index=7),
        "overlap": frame.assign(length=frame["length"] + 512 * (frame.index == 1)),
        "whole": frame,
    }
    told = {disk: Told(honest, table) for disk, table in tables.items()}

    verdict = transfer.validate(dict.fromkeys(tables, honest), told, tmp_path)  # type: ignore[arg-type]

    failures = " ".join(verdict.failures)
    assert not verdict.passed
    assert "Disk none: bytes 8192 to 12287 (4096 bytes) have no digest at the target" in failures
    assert "Disk half: bytes 12288 to 16383 (4096 bytes) have no digest at the target" in failures
    assert "Disk gap: bytes 8192 to 12287 were left out at the target" in failures
    assert "Disk tail: bytes 28672 to 32767 were left out at the target" in failures
    assert "Disk overlap: bytes 8192 to 8703 were read twice at the target" in failures
    assert "Disk whole" not in failures


def test_a_missing_digest_at_both_ends_is_not_equal(tmp_path: Path) -> None:
    blind = {"vda": Told(SOURCE["vda"], SOURCE["vda"].to_frame().assign(digest=None))}

    assert not transfer.validate(blind, blind, tmp_path).passed  # type: ignore[arg-type]


def test_a_retry_keeps_earlier_results_and_has_its_own_verdict(tmp_path: Path) -> None:
    failed = validate(tmp_path, {"vda": SOURCE["vda"]})
    passed = validate(tmp_path, dict(SOURCE))

    assert (failed.passed, passed.passed) == (False, True)
    assert len(list(tmp_path.glob("gx/uncommitted/validations/transfer_chunks/**/*.json"))) == 2


def test_what_a_killed_run_left_half_written_does_not_stop_the_next(tmp_path: Path) -> None:
    validate(tmp_path, dict(SOURCE))
    root = tmp_path / "gx"
    for file in (root / "great_expectations.yml", *root.rglob("*.json")):
        os.truncate(file, file.stat().st_size // 2)

    assert validate(tmp_path, dict(SOURCE)).passed

import os
from pathlib import Path

import pytest

from drover.blocks.journal import Journal, read_binding
from drover.errors import OperatorNeededError

BINDING = {"source": "a", "version": "1", "target": "b", "size": 100, "chunk_size": 10}
CHUNKS = {index: bytes([index]) * 32 for index in range(5)}


def write(path: Path) -> None:
    with Journal(path, BINDING) as journal:
        journal.append(CHUNKS.items())


def found(path: Path, binding: dict[str, str | int] = BINDING) -> dict[int, bytes]:
    with Journal(path, binding) as journal:
        return journal.chunks


def test_what_was_written_is_found(tmp_path: Path) -> None:
    write(tmp_path / "journal")
    assert found(tmp_path / "journal") == CHUNKS
    assert (tmp_path / "journal").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("key", BINDING)
def test_any_other_binding_starts_anew(tmp_path: Path, key: str) -> None:
    write(tmp_path / "journal")
    assert found(tmp_path / "journal", BINDING | {key: 7}) == {}
    assert found(tmp_path / "journal") == {}, "the old records must be gone, not only hidden"


@pytest.mark.parametrize("cut", [1, 8, 47])
def test_a_torn_tail_costs_one_record(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "journal"
    write(path)
    os.truncate(path, path.stat().st_size - cut)
    assert sorted(found(path)) == [0, 1, 2, 3]
    with Journal(path, BINDING) as journal:
        journal.append([(9, b"9" * 32)])
    assert sorted(found(path)) == [0, 1, 2, 3, 9]


def test_a_damaged_record_ends_what_counts(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    write(path)
    content = bytearray(path.read_bytes())
    content[-48 * 3 + 20] ^= 1
    path.write_bytes(content)
    assert sorted(found(path)) == [0, 1]


def test_zeroes_after_a_power_cut_are_no_records(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    write(path)
    with open(path, "ab") as file:
        file.write(bytes(480))
    assert found(path) == CHUNKS


@pytest.mark.parametrize("content", [b"", b"DROVERJ1", b"something else entirely", bytes(1000)])
def test_anything_else_is_no_journal(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "journal"
    path.write_bytes(content)
    assert read_binding(path) is None
    assert found(path) == {}
    assert read_binding(path) == BINDING


def test_a_missing_journal_is_bound_to_nothing(tmp_path: Path) -> None:
    assert read_binding(tmp_path / "journal") is None


def test_two_copies_do_not_share_a_journal(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal", BINDING), pytest.raises(OperatorNeededError, match="Another copy"):
        Journal(tmp_path / "journal", BINDING)
    assert found(tmp_path / "journal") == {}


def test_a_journal_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OperatorNeededError, match="cannot be kept"):
        Journal(tmp_path / "file" / "journal", BINDING)

"""The records of one machine: JSON lines, each carrying the SHA-256 of the line before it.

Layout:
    line 1  {"sequence": 1, ..., "previous": "000..."}
    line 2  {"sequence": 2, ..., "previous": sha256(line 1)}

A record that is changed, removed or moved breaks the chain after it. Only the end can be cut off unseen; a signed
bundle holds the head (the digest of the last line) against that.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Outcome = Literal["passed", "failed", "info"]
GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class Record:
    """What one attempt of a step proved.

    :param time: when it was written; :param started: when the step began; both UTC, ISO 8601.
    :param repaired: bytes of a torn line (a writer killed in the middle) that this write took away before it.
    """

    sequence: int
    time: str
    machine: str
    step: str
    attempt: int
    outcome: Outcome
    facts: dict[str, Any]
    started: str
    drover: str
    previous: str
    repaired: int = field(default=0)


@dataclass(frozen=True, slots=True)
class Chain:
    """What a file of records holds.

    :param head: digest of the last whole line.
    :param whole: bytes that hold whole lines; :param torn: bytes after them.
    """

    records: tuple[Record, ...]
    head: str
    whole: int
    torn: int
    problems: tuple[str, ...]


def encode(record: Record) -> bytes:
    text = json.dumps(asdict(record), ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode() + b"\n"


def read_chain(data: bytes) -> Chain:
    """Every record up to the first that does not fit; `problems` says in a sentence what does not.

    A last line that was never finished is no problem: it is counted in `torn`, and the next write removes it.
    """
    records: list[Record] = []
    head, whole = GENESIS, 0
    for line in _lines(data):
        finished = line.endswith(b"\n")
        record = _decode(line)
        problem = _misfit(record, len(records) + 1, head)
        if not finished and (record is None or problem):
            return Chain(tuple(records), head, whole, len(line), ())
        if record is None or problem:
            return Chain(tuple(records), head, whole, len(data) - whole, (problem,))
        records.append(record)
        head = hashlib.sha256(line.rstrip(b"\n")).hexdigest()
        whole += len(line)
    return Chain(tuple(records), head, whole, 0, ())


def _lines(data: bytes) -> list[bytes]:
    *finished, rest = data.split(b"\n")
    return [line + b"\n" for line in finished] + ([rest] if rest else [])


def _decode(line: bytes) -> Record | None:
    try:
        return Record(**json.loads(line))
    except (ValueError, TypeError):
        return None


def _misfit(record: Record | None, sequence: int, previous: str) -> str:
    if record is None:
        return f"Record {sequence} cannot be read."
    if record.sequence != sequence:
        return f"Record {sequence} is missing or out of order: record {record.sequence} stands in its place."
    if record.previous != previous:
        before = f"record {sequence - 1}" if sequence > 1 else "the beginning"
        return f"Record {sequence} does not follow {before}: one of the two was altered."
    return ""

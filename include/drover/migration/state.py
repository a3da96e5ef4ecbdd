"""Where each machine of a run stands, from its records alone: what is not recorded has not happened."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from drover.evidence.chain import Record
from drover.evidence.files import safe_name
from drover.evidence.store import RUN, MachineStore, RunStore, wave_as_read
from drover.migration import slot_queue
from drover.migration.earlier import MOVED_BY
from drover.migration.outcome import WAVE_STEP, of_move
from drover.waves.loader import parse
from drover.waves.schema import Wave


class State(StrEnum):
    NOT_BEGUN = "not begun"
    PREPARED = "prepared"
    TRANSFERRED = "transferred"
    VALIDATED = "validated"
    WAITING = "waiting for approval"
    APPROVED = "approved"
    CUT_OVER = "cut over"
    COMMITTED = "committed"
    MOVED_EARLIER = "moved earlier"
    REHEARSED = "rehearsed"
    BROUGHT_BACK = "brought back"
    FAILED = "failed"


# What a machine is once this step has passed; where a wave asks for more steps in between, it stays what it was.
_AFTER: Mapping[str, State] = {
    "inventory": State.PREPARED,
    "preflight": State.PREPARED,
    "backup": State.PREPARED,
    "transfer": State.TRANSFERRED,
    "validate": State.VALIDATED,
    "test": State.VALIDATED,
    "approval": State.APPROVED,
    "cutover": State.CUT_OVER,
    "commit": State.COMMITTED,
    "rehearsal": State.REHEARSED,
    "rollback": State.BROUGHT_BACK,
}


@dataclass(frozen=True, slots=True)
class Standing:
    """:param since: when the record that says so was written, UTC; None where there is none.

    :param busy: the step that was begun and has not ended, if any: it is under way, or was killed.
    :param why: of a failure.
    """

    machine: str
    state: State
    since: str | None = None
    busy: str | None = None
    why: str | None = None


def standings(wave: Wave, run: RunStore) -> list[Standing]:
    """Every machine of the wave, in its order. :raises CorruptionError: the records of one were altered."""
    return [standing(run.machine(plan.name), wave.approval_of(plan) is not None) for plan in wave.machines]


def standing(store: MachineStore, asks: bool = False) -> Standing:
    """:param asks: whether its cutover waits for a person."""
    found, busy = Standing(store.name, State.NOT_BEGUN), None
    for record in store.records():
        if not of_move(record):
            continue
        if record.outcome == "info":
            busy = record.step if record.facts.get("begins") else busy
            continue
        busy = None
        if record.step == WAVE_STEP:
            # Of a machine that was looked at and not begun.
            why = str(record.facts.get("message", "")) if record.outcome == "failed" else None
            found = Standing(store.name, State.NOT_BEGUN, record.time, why=why) if why or found.why else found
        elif record.outcome == "failed":
            found = Standing(store.name, State.FAILED, record.time, why=str(record.facts.get("message", "")))
        elif record.step in _AFTER:
            found = Standing(store.name, _after(record, asks), record.time)
    return Standing(found.machine, found.state, found.since, busy, found.why)


def _after(record: Record, asks: bool) -> State:
    if MOVED_BY in record.facts:
        return State.MOVED_EARLIER
    return State.WAITING if record.step == "test" and asks else _AFTER[record.step]


def waiting(run: RunStore) -> dict[str, slot_queue.Waiting]:
    """The machines of the run that wait for room, with who has it."""
    root = run.folder.parent.parent
    return {one.who[2]: one for one in slot_queue.waiting(root) if one.who[:2] == (run.wave, run.run)}


def as_read(run: RunStore) -> Wave | None:
    """The wave as this run read it, whatever its file says by now; also of a run that no file is of. None where nobody
    kept it."""
    try:
        plain = json.loads(wave_as_read(run.folder.parent.parent, run.wave, run.run).read_text())
    except FileNotFoundError:
        return None
    return parse(json.dumps(plain["wave"]), f"kept of run {run.run}")


def newest(root: Path, wave: str) -> RunStore | None:
    """The run of the wave that began last, or None where it was never run here. :param wave: its name."""
    runs = [path.parent for path in (root / safe_name(wave)).glob(f"*/{RUN}")]
    return RunStore.at(max(runs, key=lambda folder: (folder / RUN).stat().st_mtime)) if runs else None

"""Where each machine of a run stands, from its records alone: what is not recorded has not happened."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from drover.evidence.files import safe_name
from drover.evidence.store import RUN, MachineStore, RunStore
from drover.migration.outcome import WAVE_STEP, of_move
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
            state = State.WAITING if record.step == "test" and asks else _AFTER[record.step]
            found = Standing(store.name, state, record.time)
    return Standing(found.machine, found.state, found.since, busy, found.why)


def newest(root: Path, wave: Wave) -> RunStore | None:
    """The run of the wave that began last, or None where it was never run here."""
    runs = [path.parent for path in (root / safe_name(wave.wave)).glob(f"*/{RUN}")]
    return RunStore.at(max(runs, key=lambda folder: (folder / RUN).stat().st_mtime)) if runs else None

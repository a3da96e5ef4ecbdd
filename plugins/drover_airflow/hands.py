"""Whether a machine that is on its way is in good hands, and which ones wait for somebody with their source down.

That Airflow will come to a task is no hand: the worker near the source may be dead, or the DAG paused, and then the
task that brings the source back never begins.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

from drover.errors import CorruptionError, OperatorNeededError
from drover.evidence.store import MachineStore, RunStore
from drover.migration import claims, intents
from drover.migration.alone import busy
from drover.migration.intents import Intent
from drover_airflow import kept as kept_waves
from drover_airflow.at_work import AtWork
from drover_airflow.kept import Kept
from drover_airflow.settings import store_root

# A rollback that is tried again records something every few minutes.
QUIET_SECONDS = 15 * 60.0


def has_hands(kept: Kept, machine: str, at_work: AtWork) -> bool:
    """Whether its run may still do something to the machine, and will.

    Not where it has only to be taken back, and nobody has begun to for a while. What the wave takes back is in the
    hands of its last tasks, which are no machine's own.
    """
    store = store_of(kept, machine)
    if intents.declared(store, Intent.RETURNING):
        return at_work.run(kept) and not (_quiet(store) and at_work.take_back_waits(kept))
    if not at_work.at(kept, machine):
        return False
    begun = intents.declared(store, Intent.BEGUN) is not None
    return not (begun and _quiet(store) and at_work.rollback_waits(kept, machine))


def refuse_waiting(at_work: AtWork) -> None:
    """:raises OperatorNeededError: machines are off, and their run does not go on; each with its name."""
    if found := [why for claim in claims.held(store_root()) for why in _waiting(claim, at_work)]:
        raise OperatorNeededError(
            " ".join(found),
            remedy="Let the run go on (unpause its DAG, look for its workers), or mark it as failed: then the sweep "
            "takes the machines back.",
        )


def _waiting(claim: claims.Claim, at_work: AtWork) -> Iterator[str]:
    kept = kept_waves.of_run(claim.wave, claim.run)
    if kept is None or not kept.dag or not at_work.run(kept) or busy(store_root(), claim.uuid):
        return
    store = store_of(kept, claim.machine)
    since = _down_since(kept, store)
    if since is None or at_work.runs_now(kept, claim.machine):
        return
    head = f"Machine '{claim.machine}' is off since {_clock(since)}, and run {kept.run} of {kept.dag}"
    if at_work.paused(kept.dag):
        yield f"{head} waits, because that DAG is paused."
    elif _quiet(store) and at_work.waits(kept, claim.machine):
        yield f"{head} did nothing for it since {_clock(_last(store))}: no worker takes its next task."


def _down_since(kept: Kept, store: MachineStore) -> float | None:
    """Since when nobody reaches the machine, or will not once its live move ends, as far as is written down."""
    back = intents.declared(store, Intent.SOURCE_BACK)
    up = intents.declared(store, Intent.TARGET_STARTED) and not intents.declared(store, Intent.RETURNING)
    if back or up:
        return None
    compares = any(plan.name == store.name and plan.compare_at_switchover for plan in kept.wave.machines)
    return intents.declared(store, Intent.SOURCE_DOWN) or (
        intents.declared(store, Intent.LIVE_MOVE) if compares else None
    )


def _quiet(store: MachineStore) -> bool:
    return time.time() - _last(store) > QUIET_SECONDS


def _last(store: MachineStore) -> float:
    """When something was last written down of the machine, seconds since the epoch."""
    try:
        said = [datetime.fromisoformat(record.time).timestamp() for record in store.records()[-1:]]
    except CorruptionError:
        # Somebody altered its records; it is taken back all the same.
        said = []
    meant = (intents.declared(store, intent) for intent in Intent)
    return max((*said, *(when for when in meant if when)), default=0.0)


def _clock(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M UTC")


def store_of(kept: Kept, name: str) -> MachineStore:
    """The records of a machine of a run. :param name: the machine's."""
    return RunStore(store_root(), kept.wave.wave, kept.run).machine(name)

"""Which machines are to be taken back: those that a person names, and those whose run ended without doing it."""

import logging
import time
from collections.abc import Mapping
from datetime import datetime
from itertools import chain
from typing import Any, NoReturn

from airflow.sdk import Param

from drover.errors import DroverError
from drover.evidence.store import MachineStore, RunStore
from drover.migration import claims, late, leftovers, restore_test, returning
from drover.migration.alone import busy
from drover.migration.earlier import MOVED_BY
from drover.migration.move import open_move
from drover.migration.together import to_take_back
from drover.waves.order import tiers
from drover.waves.schema import MachinePlan
from drover_airflow import kept as kept_waves
from drover_airflow.at_work import AtWork
from drover_airflow.hands import has_hands, store_of
from drover_airflow.hooks.base import resolve
from drover_airflow.kept import Kept
from drover_airflow.named_run import fields, machines_of, refuse, run_of
from drover_airflow.settings import store_root

Machine = dict[str, str]

log = logging.getLogger(__name__)

# A rollback that failed is not tried every few minutes for ever: each try is kept as evidence.
_AGAIN_SECONDS = 30 * 60.0


def form() -> dict[str, Param]:
    """What the trigger form of the DAG `rollback` shows."""
    return {
        **fields("every machine of the run that is not committed"),
        "committed": Param(
            False,
            type="boolean",
            title="Also committed machines",
            description_md="**What they wrote at the target since the commit does not come back with them.** "
            "It stays at the target, switched off.",
        ),
    }


def asked_for(answers: Mapping[str, Any], at_work: AtWork) -> list[Machine]:
    """What the form asks for, in reverse order. Committed machines are held from here on.

    :raises BadInputError: there is no such run or machine, or a machine that was named may not be taken back.
    """
    kept = run_of(answers)
    named = machines_of(answers, kept)
    backwards = [plan for tier in reversed(tiers(kept.wave)) for plan in tier]
    chosen = [plan for plan in backwards if not named or plan.name in named]
    committed = [plan for plan in chosen if _is_committed(kept, plan)]
    if committed and not answers["committed"]:
        if named:
            refuse(f"Machine '{committed[0].name}' is committed.", "Tick 'Also committed machines' to take it back.")
        committed = []
    on_their_way = {claim.machine for claim in claims.held(store_root()) if _is_of(claim, kept)}
    open_ended = [plan for plan in chosen if plan.name in on_their_way and plan not in committed]
    if moving := [plan for plan in open_ended if has_hands(kept, plan.name, at_work)]:
        if named:
            refuse(f"Machine '{moving[0].name}' is being moved now.", "Mark its DAG run as failed first.")
        log.warning("Left to their run, which is at work: %s.", ", ".join(plan.name for plan in moving))
        open_ended = [plan for plan in open_ended if plan not in moving]
    if named:
        for plan in chosen:
            if plan not in committed and plan.name not in on_their_way:
                _refuse_not_of(kept, plan)
    for plan in committed:
        with open_move(kept.wave, plan.key, kept.run, resolve, store_root()) as move:
            returning.begin(move)
    return [_machine(kept, plan.name) for plan in backwards if plan in committed or plan in open_ended]


def _refuse_not_of(kept: Kept, plan: MachinePlan) -> NoReturn:
    inventory = RunStore(store_root(), kept.wave.wave, kept.run).machine(plan.name).last("inventory", "passed")
    earlier = inventory.facts.get(MOVED_BY) if inventory else None
    refuse(
        f"Machine '{plan.name}' is not on its way in run {kept.run}, nor was it committed there.",
        f"It was moved in run {earlier}; name that one."
        if earlier
        else "It was never begun or is taken back already; see the run's records, or name another run.",
    )


def after_failure(kept: Kept) -> list[Machine]:
    """Where a machine of the run was not moved, those that were, in reverse order. They are held from here on.

    One that cannot go back does not keep the others; the report tells that it stayed.

    :raises DroverError: none of them can.
    """
    plans, because = to_take_back(kept.wave, RunStore(store_root(), kept.wave.wave, kept.run))
    begun: list[Machine] = []
    refused: list[DroverError] = []
    for plan in plans:
        try:
            with open_move(kept.wave, plan.key, kept.run, resolve, store_root()) as move:
                returning.begin(move, because)
        except DroverError as error:
            log.error("'%s' is not taken back: %s", plan.name, error)
            refused.append(error)
        else:
            begun.append(_machine(kept, plan.name))
    if refused and not begun:
        raise refused[0]
    return begun


def left_behind(at_work: AtWork) -> list[Machine]:
    """Machines that are on their way and that nobody brings back: their run has ended, because it was marked as failed
    or deleted, or all their tasks have, their rollback too, while the run works at others."""
    found: list[Machine] = []
    broken: list[DroverError] = []
    for claim in _held():
        try:
            found += _left(claim, at_work)
        except DroverError as error:
            # One machine whose records are broken must not keep the others where they are.
            log.error("Nobody can tell how '%s' was left: %s", claim.machine, error)
            broken.append(error)
    if broken and not found:
        raise broken[0]
    return found


def _held() -> list[claims.Claim]:
    """Those on their way, of which something may be left at a target, or that may still obey an order to shut down."""
    marks = (each(store_root()) for each in (claims.held, restore_test.left_behind, leftovers.marked, late.marked))
    return list(dict.fromkeys(chain.from_iterable(marks)))


def _left(claim: claims.Claim, at_work: AtWork) -> list[Machine]:
    kept = kept_waves.of_run(claim.wave, claim.run)
    if kept is None or not kept.dag:
        log.warning("Nothing is known of run %s of wave '%s', which holds '%s'.", claim.run, claim.wave, claim.machine)
    elif busy(store_root(), claim.uuid) or has_hands(kept, claim.machine, at_work):
        log.info("'%s' is in good hands: run %s of %s.", claim.machine, claim.run, kept.dag)
    elif _tried_lately(store_of(kept, claim.machine)):
        log.info("'%s' could not be taken back a while ago; the next try is due later.", claim.machine)
    else:
        log.warning("'%s' was left by run %s of %s, and is taken back.", claim.machine, claim.run, kept.dag)
        return [_machine(kept, claim.machine)]
    return []


def _is_committed(kept: Kept, plan: MachinePlan) -> bool:
    with open_move(kept.wave, plan.key, kept.run, resolve, store_root()) as move:
        return returning.committed(move)


def _is_of(claim: claims.Claim, kept: Kept) -> bool:
    return (claim.wave, claim.run) == (kept.wave.wave, kept.run)


def _machine(kept: Kept, name: str) -> Machine:
    return {"wave": kept.wave.wave, "run": kept.run, "machine": name}


def _tried_lately(store: MachineStore) -> bool:
    last = store.last("rollback")
    if last is None or last.outcome != "failed":
        return False
    return time.time() - datetime.fromisoformat(last.time).timestamp() < _AGAIN_SECONDS

"""Which sources a person asks to have removed for good, and what they read before they say yes."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from airflow.sdk import Param

from drover.errors import OperatorNeededError
from drover.migration import along, decommission, returning
from drover.migration.move import Move, open_move
from drover.migration.question import plain
from drover.waves.schema import MachinePlan
from drover_airflow.hooks.base import resolve
from drover_airflow.kept import Kept
from drover_airflow.moves import reopened
from drover_airflow.named_run import fields, machines_of, run_of
from drover_airflow.settings import store_root

Machine = dict[str, Any]
log = logging.getLogger(__name__)


def form() -> dict[str, Param]:
    """What the trigger form of the DAG `decommission` shows."""
    return {
        **fields("every machine of the run that is committed"),
        "days": Param(
            14,
            type="integer",
            minimum=0,
            maximum=3650,
            title="Days since the commit",
            description_md="A source that was left behind later than that stays. Where the wave file says longer "
            "(`decommission.waiting`), that counts.",
        ),
    }


def asked_for(answers: Mapping[str, Any]) -> list[Machine]:
    """The machines whose sources may be removed, as far as the records tell; each is asked anew later.

    Where none is named, those that are too early are told in the log and in the question, and keep nobody else's.

    :raises BadInputError: there is no such run or machine.
    :raises OperatorNeededError: there is none, or a machine that was named may not be removed, or not yet.
    """
    kept = run_of(answers)
    named, days = machines_of(answers, kept), float(answers["days"])
    if named:
        chosen = [plan for plan in kept.wave.machines if plan.name in named]
        for plan in chosen:
            with _move(kept, plan) as move:
                decommission.refuse_early(move, days)
    else:
        left = [plan for plan in kept.wave.machines if _left_a_source(kept, plan)]
        stay = _staying(kept, left, days)
        for why in stay.values():
            log.warning("%s", why)
        chosen = [plan for plan in left if plan.name not in stay]
        if left and not chosen:
            raise OperatorNeededError(
                f"No source that run {kept.run} of the wave '{kept.wave.wave}' left behind may be removed yet.",
                remedy=" ".join(map(str, stay.values())),
            )
    if not chosen:
        raise OperatorNeededError(
            f"Run {kept.run} of the wave '{kept.wave.wave}' has no source left behind that is still to be removed.",
            remedy="Name the run that moved the machines.",
        )
    wave, run = kept.wave.wave, kept.run
    return [{"wave": wave, "run": run, "machine": plan.name, "days": days} for plan in chosen]


def _move(kept: Kept, plan: MachinePlan) -> AbstractContextManager[Move]:
    return open_move(kept.wave, plan.key, kept.run, resolve, store_root())


def _left_a_source(kept: Kept, plan: MachinePlan) -> bool:
    with _move(kept, plan) as move:
        return returning.committed(move) and not decommission.done(move) and not along.takes_along(move)


def _staying(kept: Kept, plans: Sequence[MachinePlan], days: float) -> dict[str, OperatorNeededError]:
    """Those of these machines whose sources may not be removed yet, with the reason and the date."""
    found = {}
    for plan in plans:
        with _move(kept, plan) as move:
            try:
                decommission.refuse_early(move, days)
            except OperatorNeededError as error:
                found[plan.name] = error
    return found


def question(machines: list[Machine]) -> tuple[str, str]:
    """Subject, and body as Markdown."""
    rows = [_row(machine) for machine in machines]
    head = "| machine | removed at | its disks there | runs at | committed | its backup |\n|---|---|---|---|---|---|"
    wave, run = machines[0]["wave"], machines[0]["run"]
    body = (
        f"The sources that run {plain(run)} of wave *{plain(wave)}* left behind are removed **for good**, with their "
        "disks. Each is asked once more right before: whether the machine runs at its target and answers, whether "
        "every byte of its backup is there, whether the source is off and as it was left.\n\n"
        + "\n".join([head, *rows, *_others(machines)])
    )
    return f"Remove {len(machines)} sources of wave {wave} for good", body


def _others(machines: list[Machine]) -> list[str]:
    """What the run left behind beside these and is too early for, as lines of the question."""
    kept = run_of({"wave": machines[0]["wave"], "run": machines[0]["run"]})
    asked = {machine["machine"] for machine in machines}
    others = [plan for plan in kept.wave.machines if plan.name not in asked and _left_a_source(kept, plan)]
    stay = _staying(kept, others, float(machines[0]["days"]))
    return ["", "These stay:", "", *(f"- {plain(str(why))}" for why in stay.values())] if stay else []


def _row(machine: Machine) -> str:
    from drover.migration.backup import shelf_of

    with reopened(machine["wave"], machine["run"], machine["machine"]) as move:
        commit = move.store.last("commit", "passed")
        cells = [
            move.name,
            move.wave.source_of(move.plan),
            ", ".join(left["path"] for left in decommission.left_at_source(move)) or "not noted",
            move.wave.target_of(move.plan),
            commit.time[:16].replace("T", " ") if commit else "",
            shelf_of(move).label,
        ]
    return f"| {' | '.join(plain(cell) for cell in cells)} |"


def approvers(machines: list[Machine]) -> tuple[str, ...]:
    """The ids of those whose yes counts, as the wave says; none where anybody's does who may answer for the DAG."""
    return run_of({"wave": machines[0]["wave"], "run": machines[0]["run"]}).wave.decommission.approvers


def keep_answer(machines: list[Machine], ticket: str, by: str, at: datetime, user: str) -> None:
    """A person's yes in the evidence of each machine.

    :param user: the person's id. :raises OperatorNeededError: it is another's yes that the wave wants.
    """
    for machine in machines:
        with reopened(machine["wave"], machine["run"], machine["machine"]) as move:
            decommission.approved(move, ticket, by, at, user)

"""Which sources a person asks to have removed for good, and what they read before they say yes."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from airflow.sdk import Param

from drover.errors import BadInputError, OperatorNeededError
from drover.migration import along, decommission, returning
from drover.migration.move import open_move
from drover.migration.question import plain
from drover_airflow.hooks.base import resolve
from drover_airflow.moves import reopened
from drover_airflow.settings import store_root
from drover_airflow.taking_back import run_of

Machine = dict[str, Any]


def form() -> dict[str, Param]:
    """What the trigger form of the DAG `decommission` shows."""
    return {
        "wave": Param(type="string", minLength=1, title="Wave", description="Its name, as in the wave file."),
        "run": Param(
            None, type=["null", "string"], title="Run", description="The id of its DAG run. Empty: the newest one."
        ),
        "machines": Param(
            [],
            type="array",
            items={"type": "string"},
            title="Machines",
            description="Names, one a line. Empty: every machine of the run that is committed.",
        ),
        "days": Param(
            14,
            type="integer",
            minimum=0,
            maximum=3650,
            title="Days since the commit",
            description_md="A source that was left behind later than that stays.",
        ),
    }


def asked_for(answers: Mapping[str, Any]) -> list[Machine]:
    """The machines whose sources may be removed, as far as the records tell; each is asked anew later.

    :raises BadInputError: there is none, or no such run or machine.
    :raises OperatorNeededError: a machine that was named may not be removed, or not yet.
    """
    kept = run_of(answers)
    named, days = set(answers["machines"]), float(answers["days"])
    known = {plan.name for plan in kept.wave.machines}
    if missing := sorted(named - known):
        raise BadInputError(
            f"The wave '{kept.wave.wave}' has no machine {', '.join(map(repr, missing))} in run {kept.run}.",
            remedy="Take the names from the page of the wave's DAG.",
        )
    found: list[Machine] = []
    for plan in kept.wave.machines:
        if named and plan.name not in named:
            continue
        with open_move(kept.wave, plan.key, kept.run, resolve, store_root()) as move:
            if not named and (not returning.committed(move) or along.takes_along(move)):
                continue
            decommission.refuse_early(move, days)
        found.append({"wave": kept.wave.wave, "run": kept.run, "machine": plan.name, "days": days})
    if not found:
        raise OperatorNeededError(
            f"Run {kept.run} of the wave '{kept.wave.wave}' left no source behind.",
            remedy="Name the run that moved the machines.",
        )
    return found


def question(machines: list[Machine]) -> tuple[str, str]:
    """Subject, and body as Markdown."""
    rows = [_row(machine) for machine in machines]
    head = "| machine | removed at | runs at | committed | its backup |\n|---|---|---|---|---|"
    wave, run = machines[0]["wave"], machines[0]["run"]
    body = (
        f"The sources that run {plain(run)} of wave *{plain(wave)}* left behind are removed **for good**, with their "
        "disks. Each is asked once more right before: whether the machine runs at its target and answers, whether "
        "every byte of its backup is there, whether the source is off and as it was left.\n\n"
        + "\n".join([head, *rows])
    )
    return f"Remove {len(machines)} sources of wave {wave} for good", body


def _row(machine: Machine) -> str:
    from drover.migration.backup import shelf_of

    with reopened(machine["wave"], machine["run"], machine["machine"]) as move:
        commit = move.store.last("commit", "passed")
        cells = [
            move.name,
            move.wave.source_of(move.plan),
            move.wave.target_of(move.plan),
            commit.time[:16].replace("T", " ") if commit else "",
            shelf_of(move).label,
        ]
    return f"| {' | '.join(plain(cell) for cell in cells)} |"


def keep_answer(machines: list[Machine], ticket: str, by: str, at: datetime) -> None:
    """A person's yes in the evidence of each machine."""
    for machine in machines:
        with reopened(machine["wave"], machine["run"], machine["machine"]) as move:
            decommission.approved(move, ticket, by, at)

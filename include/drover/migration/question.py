"""What a person reads before they approve a cutover: what was proven, what was found, and what waiting costs.

It is Markdown for Airflow's page; whatever a user could have named is escaped, so that it is shown and never obeyed.
"""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from drover.concerns.finding import size
from drover.migration import intents, preflight
from drover.migration.approval import Choice, plan_of
from drover.migration.intents import Intent
from drover.migration.move import Move
from drover.migration.stage import Facts
from drover.model import PowerState, Strategy
from drover.waves.proofs import proofs
from drover.waves.schema import ApprovalPlan
from drover.waves.words import duration

_MARKUP = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~&$:@/=^'\"])")


@dataclass(frozen=True, slots=True)
class Question:
    """:param subject: one line, plain text. :param body: Markdown."""

    subject: str
    body: str
    plan: ApprovalPlan


def question(move: Move) -> Question:
    """Asked once all before the cutover has passed; the wave asks for an approval of this machine."""
    plan = plan_of(move)
    assert plan is not None
    parts = (
        f"**{plain(move.name)}** was {_arrived(move)} at *{plain(move.wave.target_of(move.plan))}*.",
        "\n".join(["| | |", "|---|---|", *(f"| {plain(head)} | {plain(text)} |" for head, text in _summary(move))]),
        "\n".join(_concerns(move)),
        f"**{plain(_waiting(move))}**",
        "\n".join(_choices(move, plan)),
    )
    subject = f"Cutover of machine {move.name} (wave {move.wave.wave})"
    return Question(subject, "\n\n".join(part for part in parts if part), plan)


def plain(text: str) -> str:
    """Text that Markdown shows as it is, in one line."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def _arrived(move: Move) -> str:
    if move.plan.strategy is Strategy.LIVE:
        return "moved while it ran, and compared; it runs"
    return "copied, compared and tried; it is ready"


def _summary(move: Move) -> Iterator[tuple[str, str]]:
    backup, transfer, validate, test = (_facts(move, step) for step in ("backup", "transfer", "validate", "test"))
    yield "Backup", f"{size(backup.get('bytes_written', 0))}, read back and compared"
    moved, seconds = transfer.get("bytes_written", 0), float(transfer.get("seconds", 0.0))
    yield "Transfer", f"{transfer.get('strategy')}, {size(moved)} in {duration(seconds)}"
    suites = ", ".join(f"{suite} {count}" for suite, count in validate.get("suites", {}).items())
    yield "Validation", f"{validate.get('checks', 0)} checks passed ({suites})"
    for what, other in validate.get("compared_with", {}).items():
        yield f"Compared: {what}", f"with {other}"
    where = f"on the network {test['network']}, " if "network" in test else ""
    yield "Test", test.get("skipped") or f"{where}{test.get('checks', 0)} checks passed"
    told = proofs(move.plan, along=bool(backup.get("of", {}).get("taken_along")))
    yield "Proven", "; ".join(told.proves)
    yield "Not proven", "; ".join(told.cannot_prove) or "nothing that this strategy could have proven"


def _facts(move: Move, step: str) -> Facts:
    record = move.store.last(step, "passed")
    return dict(record.facts) if record else {}


def _concerns(move: Move) -> Iterator[str]:
    found = preflight.newest(move.store)
    yield "Concerns before the move:" if found else "There were no concerns before the move."
    if found:
        yield ""
    for concern in found:
        yield f"- {plain(concern.category)}: {plain(concern.label)}. {plain(concern.assessment)}"


def _waiting(move: Move) -> str:
    """What it costs to wait for an answer."""
    if move.machine.state is not PowerState.RUNNING:
        return "The machine was off when the run began, so waiting is no downtime."
    if move.plan.strategy is Strategy.LIVE:
        return "The machine runs at the target already, so waiting is no downtime."
    down = intents.declared(move.store, Intent.SOURCE_DOWN)
    if down is None:
        return "The machine is off."
    since = datetime.fromtimestamp(down, UTC)
    return (
        f"The machine is off since {since:%Y-%m-%d %H:%M} UTC, for {duration(time.time() - down)} when this was asked. "
        "Every minute until an answer is downtime."
    )


def _choices(move: Move, plan: ApprovalPlan) -> Iterator[str]:
    live = move.plan.strategy is Strategy.LIVE
    cutover = "its checks are asked, and the move is made final" if live else "the target is started for its users"
    kept = "runs where it is" if live or move.machine.state is not PowerState.RUNNING else "stays off meanwhile"
    back = "moves back or is started at the source again" if live else "runs at the source again, as before"
    yield f"- **{Choice.APPROVE}**: {cutover}."
    yield f"- **{Choice.POSTPONE}**: the question stays open for another {duration(plan.deadline)}; the machine {kept}."
    yield f"- **{Choice.ROLL_BACK}**: the machine {back}. Machines that come after it do not begin."
    yield f"\nWhere nobody answers within {duration(plan.deadline)}: **{plan.default}**."

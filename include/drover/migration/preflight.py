"""Know before you go: every concern about this machine; a Critical one stops it here."""

import logging
from collections.abc import Collection
from dataclasses import replace

from drover.concerns import same_host
from drover.concerns.gather import gather
from drover.concerns.run import run as find_concerns
from drover.errors import OperatorNeededError
from drover.migration import along, backup, rehearsed, window
from drover.migration.move import Move
from drover.migration.stage import Facts, stage
from drover.model import Category, Concern, to_json

log = logging.getLogger(__name__)


@stage("preflight")
def run(move: Move) -> Facts:
    return _ask(move)


def ask_again(move: Move) -> None:
    """Right before the source goes down: what has come to stand in the way since the run's first task."""
    # Its manager may have balanced the machine to the very host where it is to go; then it is moved all the same.
    settled = {same_host.ID} if along.takes_along(move) else set[str]()
    move.store.record("preflight", "info", {"again": True, **_ask(move, settled)})


def _ask(move: Move, settled: Collection[str] = ()) -> Facts:
    """:param settled: concerns that the first look has answered for good."""
    facts = gather(move.wave, move.plan, move.source, move.target, move.resolve)
    known = replace(facts, backed_up=backup.sealed(move.wave, move.run, move.root), fit=window.look_ahead(move, facts))
    known = replace(known, rehearsed=rehearsed.newest(move.root, move.machine.uuid, move.wave, move.plan))
    concerns = [concern for concern in find_concerns(known) if concern.id not in settled]
    for concern in concerns:
        log.info("%s: %s %s (%s). %s", move.name, concern.category, concern.label, concern.id, concern.assessment)
    move.store.write_json("concerns.json", [to_json(concern) for concern in concerns])
    critical = [concern for concern in concerns if concern.category is Category.CRITICAL]
    if critical:
        raise OperatorNeededError(
            f"Machine '{move.name}' cannot be moved: {_sentences(critical)}",
            remedy="Mend this, or waive the concern by its id with a reason in the wave file.",
        )
    return {"concerns": len(concerns), "warnings": sum(c.category is Category.WARNING for c in concerns)}


def _sentences(concerns: list[Concern]) -> str:
    return " ".join(f"[{concern.id}] {concern.assessment}" for concern in concerns)

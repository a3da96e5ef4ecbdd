"""Know before you go: every concern about this machine; a Critical one stops it here."""

import hashlib
import json
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from drover.concerns import same_host
from drover.concerns.gather import gather, write_rate
from drover.concerns.run import run as find_concerns
from drover.concerns.run import waived
from drover.errors import OperatorNeededError
from drover.evidence.store import PROOFS, MachineStore
from drover.migration import along, backup, measuring, rehearsed, window
from drover.migration.move import Move
from drover.migration.stage import Facts, stage
from drover.model import Category, Concern, VirtualMachine, from_json, to_json
from drover.waves.schema import MachinePlan

# A retry looks anew and writes it anew; nothing that comes later does.
FIRST_LOOK = "concerns.json"

log = logging.getLogger(__name__)


@stage("preflight")
def run(move: Move) -> Facts:
    concerns = _look(move)
    proof = keep(move.store, concerns, FIRST_LOOK)
    _refuse(move, concerns)
    return facts_of(move.plan, concerns, proof)


def ask_again(move: Move) -> None:
    """Right before the source goes down: what has come to stand in the way since the run's first task.

    What the first look found stays in the evidence as it is.
    """
    # Its manager may have balanced the machine to the very host where it is to go; then it is moved all the same.
    settled = {same_host.ID} if along.takes_along(move) else set[str]()
    concerns = _look(move, settled)
    proof = keep(move.store, concerns)
    _refuse(move, concerns)
    move.store.record("preflight", "info", {"again": True, **facts_of(move.plan, concerns, proof)})


def newest(store: MachineStore) -> list[Concern]:
    """What was found when somebody looked last, and let the machine pass."""
    looks = [record.facts for record in store.records() if record.step == "preflight" and PROOFS in record.facts]
    found = [store.read_json(name) for name in looks[-1][PROOFS]] if looks else []
    return [from_json(Concern, one) for file in found for one in file or []]


def _look(move: Move, settled: Collection[str] = ()) -> list[Concern]:
    """:param settled: concerns that the first look has answered for good."""
    facts = gather(move.wave, move.plan, move.source, move.target, move.resolve)
    known = replace(facts, backed_up=backup.sealed(move.wave, move.run, move.root), fit=window.look_ahead(move, facts))
    last = rehearsed.newest(move.root, facts.source or move.machine, move.wave, move.plan)
    known = replace(known, rehearsed=last, writes=_writes(move, facts.source))
    concerns = [concern for concern in find_concerns(known) if concern.id not in settled]
    for concern in concerns:
        log.info("%s: %s %s (%s). %s", move.name, concern.category, concern.label, concern.id, concern.assessment)
    return concerns


def _writes(move: Move, machine: VirtualMachine | None) -> float | None:
    """How fast it writes, where a limit stands against that: by this run's baseline, which lasted longer, or now."""
    if move.wave.bandwidth is None:
        return None
    measured = measuring.seen(move)
    return measured.write_rate if measured else write_rate(move.plan, machine, move.source)


def _refuse(move: Move, concerns: Sequence[Concern]) -> None:
    critical = [concern for concern in concerns if concern.category is Category.CRITICAL]
    if critical:
        raise OperatorNeededError(
            f"Machine '{move.name}' cannot be moved: {sentences(critical)}",
            remedy="Mend this, or waive the concern by its id with a reason in the wave file.",
        )


# What stands in the evidence


def keep(store: MachineStore, concerns: Sequence[Concern], name: str | None = None) -> dict[str, str]:
    """Writes all that was found into a file, for the proofs of a record.

    :param name: where not given, the file is named by what is in it, so that no later look replaces it.
    :returns: the file's SHA-256 by its name.
    """
    plain = [to_json(concern) for concern in concerns]
    name = name or f"concerns-{hashlib.sha256(json.dumps(plain).encode()).hexdigest()[:12]}.json"
    store.write_json(name, plain)
    return {name: hashlib.sha256(store.path(name).read_bytes()).hexdigest()}


def facts_of(plan: MachinePlan, concerns: Sequence[Concern], proof: Mapping[str, str]) -> Facts:
    """For a record: how many there are, and which of them a person has accepted, and why."""
    return {
        "concerns": len(concerns),
        "warnings": sum(concern.category is Category.WARNING for concern in concerns),
        "waived": waived(plan, concerns),
        PROOFS: dict(proof),
    }


def sentences(concerns: Sequence[Concern]) -> str:
    return " ".join(f"[{concern.id}] {concern.assessment}" for concern in concerns)

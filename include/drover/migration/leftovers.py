"""What a run made at a target and could not remove there: a trial machine, one made of a backup, a target that was
never started. The report looks for it and names it; a mark in the store tells the sweep, which tries again.

Each of them carries the run's tag, so that it is found whatever its name, and nobody else's is touched.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from drover.errors import DroverError, RetryableError
from drover.evidence.files import safe_name, write_durably
from drover.evidence.store import RunStore
from drover.migration import claims, restore_test
from drover.migration.alone import alone
from drover.migration.claims import Claim
from drover.migration.move import Move, Resolver, open_move
from drover.model import VirtualMachine
from drover.waves.schema import Wave

# Beside the waves' folders in the store; no wave's name begins with a dot.
FOLDER = ".left"
# What ran for its users is called otherwise, and is kept on purpose.
_ROLES = ("target", "trial")
_MACHINE = "machine.json"

log = logging.getLogger(__name__)


def mark(move: Move) -> None:
    """Something of this run may still be at the target. A store that is full keeps no machine from coming back."""
    path = _path(move)
    claim = Claim(move.wave.wave, move.run, move.name, move.machine.uuid)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_durably(path, json.dumps(asdict(claim)).encode())
    except OSError as error:
        log.error("%s: what is left of it at the target cannot be written down, so no sweep finds it: %s", path, error)


def marked(root: Path) -> list[Claim]:
    """Every machine of which a run may have left something, by wave and run."""
    found = []
    for path in (root / FOLDER).glob("*.json"):
        try:
            found.append(Claim(**json.loads(path.read_text())))
        except FileNotFoundError:
            continue
        except (ValueError, TypeError):
            log.warning("The mark %s cannot be read; look for what its run left, then remove it.", path)
    return sorted(found, key=lambda claim: (claim.wave, claim.run, claim.machine))


def look(wave: Wave, run: str, resolve: Resolver, root: Path) -> dict[str, list[str]]:
    """Asks every target once. What is there is named by its machine, in sentences, and marked for the sweep."""
    told: dict[str, list[str]] = {}
    # Of what was not even looked at nothing can have been made.
    begun = [plan for plan in wave.machines if RunStore(root, wave.wave, run).machine(plan.name).read_json(_MACHINE)]
    for conn_id in dict.fromkeys(wave.target_of(plan) for plan in begun):
        plans = [plan for plan in begun if wave.target_of(plan) == conn_id]
        try:
            with open_move(wave, plans[0].key, run, resolve, root) as move:
                there = move.target.machines()
        except DroverError as error:
            log.warning("Nobody can tell what this run left at %s: %s", conn_id, error)
            left = _known(wave, run, root)
            words = f"what was made at the target {conn_id} may still be there: {error}"
            told |= {plan.name: [words] for plan in plans if plan.name in left}
            continue
        for plan in plans:
            with open_move(wave, plan.key, run, resolve, root) as move:
                if found := left_by(move, there):
                    mark(move)
                    told[plan.name] = [_words(each, conn_id) for each in found]
    return told


def _known(wave: Wave, run: str, root: Path) -> set[str]:
    """The machines of the run of which something could not be removed, as far as is written down."""
    marks = (*marked(root), *restore_test.left_behind(root))
    return {mark.machine for mark in marks if (mark.wave, mark.run) == (wave.wave, run)}


def left_by(move: Move, there: Sequence[VirtualMachine]) -> list[VirtualMachine]:
    """Which of these machines this run made for this one, and should have removed."""
    made_of = {move.owner.source_uuid, restore_test.owner_of(move).source_uuid}
    found = [(each, each.ownership) for each in there if each.ownership and each.ownership.source_uuid in made_of]
    run = (move.wave.wave, move.run)
    return [each for each, tag in found if (tag.wave, tag.run) == run and tag.role in _ROLES]


def try_to_clean_up(move: Move) -> None:
    """For those who have more important things to do: the sweep tries again."""
    if move.store.read_json(_MACHINE) is None or not _path(move).exists():
        return
    try:
        with alone(move):
            _clean_up(move)
    except DroverError as error:
        log.warning("%s: what its run left at the target is still there: %s", move.name, error)


def _clean_up(move: Move) -> None:
    """:raises DroverError: the target does not let us; the mark stays."""
    if claims.holder(move) is not None:
        # Another run's: it may be using what this one made. This one's: its rollback comes first.
        log.info("%s: what its run left at the target waits, because the machine is being moved.", move.name)
        return
    for owner in (move.owner, restore_test.owner_of(move)):
        found = move.target.find(owner.machine)
        # Where nothing has the name, there may still be its trial.
        if found is None or found in left_by(move, [found]):
            move.target.remove(owner.machine, owner)
    if still := left_by(move, move.target.machines()):
        raise RetryableError(
            f"Machine '{still[0].name}' is still at the target, {still[0].state}.", remedy="The sweep tries again."
        )
    _path(move).unlink(missing_ok=True)


def _words(machine: VirtualMachine, conn_id: str) -> str:
    return f"machine '{machine.name}' is still at the target {conn_id}, {machine.state}"


def _path(move: Move) -> Path:
    name = safe_name("\0".join((move.machine.uuid, move.wave.wave, move.run)))
    return move.root / FOLDER / f"{name}.json"

"""Prove the backup: a machine made of it boots at the target, away from everyone, answers its checks, and is removed.

It has another name and another UUID, both following from the machine's. A mark in the store is written before anything
is made and removed after all of it is gone, so that a rollback or the sweep finds what a killed try left.
"""

import hashlib
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from drover.backups.contents import Contents, proven
from drover.backups.restore import derived_uuid, fill
from drover.errors import DroverError, OperatorNeededError, RetryableError
from drover.evidence.files import safe_name, write_durably
from drover.hypervisors.port import TargetSettings
from drover.migration import backup, bandwidth, checks
from drover.migration.alone import alone
from drover.migration.claims import Claim
from drover.migration.move import Move
from drover.migration.stage import Facts, require, stage
from drover.model import Ownership, PowerState, VirtualMachine
from drover.waves.schema import MachinePlan, Wave

STEP = "restore-test"
# Beside the waves' folders in the store; no wave's name begins with a dot.
FOLDER = ".restore-tests"
EVERY = 5
_LONGEST = 50

log = logging.getLogger(__name__)


def asked(wave: Wave, plan: MachinePlan, run: str) -> bool:
    """Whether this machine's backup is to be booted in this run. Of a sample, every fifth, and always one."""
    if wave.backup.restore_test != "sample":
        return wave.backup.restore_test == "all"
    names = [machine.name for machine in wave.machines]
    step = min(EVERY, len(names))
    # Another first one in each run, so that in time every machine has its turn.
    first = int(hashlib.sha256(f"{wave.wave}\0{run}".encode()).hexdigest(), 16) % step
    return names.index(plan.name) % step == first


@stage(STEP)
def run(move: Move) -> Facts:
    require(move, "backup")
    backup.check_whole(move)
    policy = move.wave.backup.restore_test
    if not asked(move.wave, move.plan, move.run):
        return {"policy": policy, "backup": _seal(move), "skipped": "this machine is not in this run's sample"}
    network = move.wave.mappings_of(move.plan).test_network
    assert network is not None, "a rule of the wave file"
    with (
        stand_in(move) as double,
        move.target.isolated_trial(double.name, network, double.owner) as trial,
    ):
        results = checks.run_checks(move, trial.connect, move.plan.boot_deadline, commands=False)
    outcome = checks.verdict(move, STEP, results)
    if not outcome.passed:
        raise OperatorNeededError(
            f"The backup of machine '{move.name}' booted on the network '{network}' but failed: "
            f"{' '.join(outcome.failures)}",
            remedy="Without a backup that works the machine is not moved; look at its checks and at the backup.",
        )
    facts: Facts = {"policy": policy, "backup": _seal(move), "network": network, "name": double.name}
    if not results:
        return {**facts, "checks": 0, "skipped": checks.NOTHING_ASKED}
    return {**facts, "checks": outcome.checks}


@dataclass(frozen=True, slots=True)
class StandIn:
    """A machine that was made of the backup, at the target, and is off."""

    machine: VirtualMachine
    settings: TargetSettings
    contents: Contents

    @property
    def name(self) -> str:
        return self.machine.name

    @property
    def owner(self) -> Ownership:
        return self.settings.owner


@contextmanager
def stand_in(move: Move) -> Iterator[StandIn]:
    """The machine made of its backup, which is whole; it is gone afterwards, or a mark says that it is not.

    :raises CorruptionError: a byte of the backup is not what was sealed.
    """
    facts = backup.shelf_of(move).seal()
    assert facts is not None, "asked before"
    places, machine = move.settings, _machine(move)
    settings = TargetSettings(places.networks, places.storage, owner_of(move), places.host)
    _mark(move)
    try:
        with backup.shelf_of(move).local() as folder:
            contents = proven(folder, facts)
            with bandwidth.shared(move) as limit:
                fill(move.target, contents, machine, settings, progress=move.store.progress, throttle=limit)
            yield StandIn(machine, settings, contents)
    finally:
        clean_up(move)


def require_proof(move: Move) -> None:
    """Law: no cutover without what the wave asks of the backup.

    :raises OperatorNeededError: the restore test of the backup that is there now has not passed in this run.
    """
    if move.wave.backup.restore_test == "digests":
        return
    require(move, STEP)
    last = move.store.last(STEP, "passed")
    if last is None or last.facts.get("backup") != _seal(move):
        raise OperatorNeededError(
            f"The backup of machine '{move.name}' is another one than was proven by booting it.",
            remedy=f"Run the task '{STEP}' of this machine again.",
        )


def clean_up(move: Move) -> None:
    """Removes what the test made, and the mark. Does nothing where there is neither.

    :raises DroverError: the target does not let us; the mark stays, and the sweep tries again.
    """
    path = _path(move.root, move.machine.uuid)
    if not _ours(move, _read(path)):
        return
    move.target.remove(name_of(move), owner_of(move))
    path.unlink(missing_ok=True)


def try_to_clean_up(move: Move) -> None:
    """For those who have more important things to do: the sweep tries again."""
    if move.store.read_json("machine.json") is None or not _ours(move, _read(_path(move.root, move.machine.uuid))):
        return
    try:
        with alone(move):
            clean_up(move)
    except DroverError as error:
        log.warning("%s: what its restore test made is still at the target: %s", move.name, error)


def left_behind(root: Path) -> list[Claim]:
    """Every restore test that is under way or was killed."""
    found = (_read(path) for path in (root / FOLDER).glob("*.json"))
    return sorted((mark for mark in found if mark), key=lambda mark: (mark.wave, mark.run, mark.machine))


def name_of(move: Move) -> str:
    """Of the machine that is made of the backup."""
    return short(move.name)


def short(name: str) -> str:
    """Some platforms take eighty characters, and a trial adds some of its own."""
    if len(name) > _LONGEST:
        name = f"{name[: _LONGEST - 9]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return f"{name}-drover-restored"


def _machine(move: Move) -> VirtualMachine:
    name = name_of(move)
    bare = replace(move.machine, name=name, uuid=derived_uuid(move.machine, name), ownership=None)
    return replace(bare, state=PowerState.OFF, autostart=False)


def owner_of(move: Move) -> Ownership:
    machine = _machine(move)
    return Ownership(move.wave.wave, move.run, machine.name, machine.uuid, "target")


def _seal(move: Move) -> str:
    facts = backup.shelf_of(move).seal()
    return str(facts["sha256"]) if facts else ""


def _ours(move: Move, mark: Claim | None) -> bool:
    return mark is not None and (mark.wave, mark.run, mark.machine) == (move.wave.wave, move.run, move.name)


def _mark(move: Move) -> None:
    path = _path(move.root, move.machine.uuid)
    if (found := _read(path)) is not None and not _ours(move, found):
        raise RetryableError(
            f"What the restore test of machine '{found.machine}' in run {found.run} of wave '{found.wave}' made is "
            "still at its target.",
            remedy="The DAG 'sweep' removes it once that run has ended; then this is tried again.",
        )
    mark = Claim(move.wave.wave, move.run, move.name, move.machine.uuid)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_durably(path, json.dumps(asdict(mark)).encode())


def _read(path: Path) -> Claim | None:
    try:
        return Claim(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError):
        log.warning("The mark %s cannot be read; look for what a restore test left, then remove it.", path)
        return None


def _path(root: Path, uuid: str) -> Path:
    return root / FOLDER / f"{safe_name(uuid)}.json"

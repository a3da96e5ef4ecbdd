"""A rehearsal: the machine is made at the target of its frozen backup, compared, tried, and removed.

The source is read once, by the backup, and goes on running. Nothing else is asked of it: not its power, not its
autostart, not its tags. What is made has another name, and is off but for its trial on the isolated network.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from drover.errors import CorruptionError, OperatorNeededError
from drover.migration import backup, checks, rehearsed
from drover.migration.disks import paired, read_disks, shown
from drover.migration.move import Move
from drover.migration.restore_test import StandIn, stand_in
from drover.migration.stage import Facts, require, stage
from drover.model import Strategy
from drover.quality.verdict import Verdict
from drover.waves.words import duration

STEP = rehearsed.STEP


def run(move: Move) -> Facts:
    facts = _rehearse(move)
    # Only once it is recorded: whoever asks for a rehearsal is told of its record.
    rehearsed.remember(move)
    return facts


@stage(STEP)
def _rehearse(move: Move) -> Facts:
    require(move, "backup")
    backup.check_whole(move)
    network = _network(move)
    seconds: dict[str, float] = {"backup": _backup_seconds(move)}
    with ExitStack() as stack:
        with _timed(seconds, "transfer"):
            double = stack.enter_context(stand_in(move))
        with _timed(seconds, "validate"):
            verdicts = [_blocks(move, double), _machine(move, double), _guest_files(move, double)]
        _refuse_failures(move, verdicts)
        with _timed(seconds, "test"), move.target.isolated_trial(double.name, network, double.owner) as trial:
            results = checks.run_checks(move, trial.connect, move.plan.boot_deadline, commands=False)
        tried = checks.verdict(move, STEP, results)
        if not tried.passed:
            raise OperatorNeededError(
                f"The rehearsal of machine '{move.name}' came up on the network '{network}' but failed: "
                f"{' '.join(tried.failures)}",
                remedy="The source was not touched; mend it before the wave moves the machine.",
            )
    return {
        "as": double.name,
        "strategy": move.plan.strategy.value,
        "network": network,
        "checks": sum(verdict.checks for verdict in (*verdicts, tried)),
        "suites": {verdict.suite: verdict.checks for verdict in (*verdicts, tried)},
        "seconds": {step: round(took, 3) for step, took in seconds.items()},
        "downtime_seconds": _downtime(move, seconds),
        "will": _will(move, seconds),
        "settings": rehearsed.settings(move.wave, move.plan, move.machine),
    }


def _network(move: Move) -> str:
    network = move.wave.mappings_of(move.plan).test_network
    if network is None:
        raise OperatorNeededError(
            f"Machine '{move.name}' cannot be rehearsed: its wave names no isolated network at the target.",
            remedy="Name one as mappings.test_network.",
        )
    return network


@contextmanager
def _timed(seconds: dict[str, float], step: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    seconds[step] = time.monotonic() - began


def _backup_seconds(move: Move) -> float:
    made = next(
        (r for r in reversed(move.store.records()) if r.step == "backup" and "seconds" in r.facts),
        None,
    )
    return float(made.facts["seconds"]) if made else 0.0


# What is proven: the same suites as after a real transfer, over what is read from both now


def _blocks(move: Move, double: StandIn) -> Verdict:
    from drover.quality import transfer

    there = move.target.machine(double.name)
    with move.target.read_disks(double.name) as targets:
        after = read_disks(move, paired(move, there, targets))
    before = dict(double.contents.manifests)
    return transfer.validate(
        shown(move, there, before), shown(move, there, after), move.store.path("quality", "transfer")
    )


def _machine(move: Move, double: StandIn) -> Verdict:
    from drover.quality import machine

    wanted = move.target.translated(double.machine, double.settings)
    there = move.target.machine(double.name)
    return machine.validate(double.machine, wanted, there, move.store.path("quality", "machine"))


def _guest_files(move: Move, double: StandIn) -> Verdict:
    from drover.guest.files import read_both
    from drover.quality import guest_files

    there = move.target.machine(double.name)
    with double.contents.images() as images, move.target.read_disks(double.name) as targets:
        before, after = read_both(images, paired(move, there, targets))
    return guest_files.validate(before, after, (), move.store.path("quality", "guest_files"))


def _refuse_failures(move: Move, verdicts: list[Verdict]) -> None:
    failures = [failure for verdict in verdicts for failure in verdict.failures]
    if failures or not all(verdict.passed for verdict in verdicts):
        raise CorruptionError(
            f"The rehearsal of machine '{move.name}' did not arrive whole: "
            f"{' '.join(failures) or 'a suite failed without a reason.'}",
            remedy="The source was not touched; look at the target's storage before the wave moves the machine.",
        )


# What the real wave will do


def _downtime(move: Move, seconds: dict[str, float]) -> float | None:
    """Of a cold move: its copy, its comparison, its trial, and a boot that takes as long as the trial's did.

    None where that cannot be told from a rehearsal: the platform's own live move is not rehearsed.
    """
    if move.plan.strategy is not Strategy.COLD:
        return None
    return round(seconds["transfer"] + seconds["validate"] + 2 * seconds["test"], 3)


def _will(move: Move, seconds: dict[str, float]) -> list[str]:
    """In words, for the report."""
    target = move.wave.target_of(move.plan)
    told = [f"A backup is made and read back; it took {duration(seconds['backup'])}."]
    if (down := _downtime(move, seconds)) is None:
        told.append(f"The machine moves to {target} while it runs. How long that takes is not told by a rehearsal.")
        told.append(f"Its settings and files are compared; with all blocks that took {duration(seconds['validate'])}.")
        return told
    return [
        *told,
        f"The machine is shut down and copied to {target}; that took {duration(seconds['transfer'])}.",
        f"Blocks, settings and files are compared; that took {duration(seconds['validate'])}.",
        f"It boots on the isolated network and answers its checks; that took {duration(seconds['test'])}.",
        f"It is started for its users: they miss it for about {duration(down)}, and for as long as it shuts down.",
    ]

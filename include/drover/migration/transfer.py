"""Move the machine: cold by the mover while it is off, live by the platform itself.

A cold move is one call of `run`. A live move is begun detached (`begin`), waited for by whoever can wait best
(`ended`, or `status` again and again), and finished (`finish`); `run` does all three for those who can only block.
"""

import math
import time
from dataclasses import replace

from drover.errors import CorruptionError, OperatorNeededError, RetryableError
from drover.hypervisors.port import Hypervisor, LiveMover, LiveState, LiveStatus
from drover.migration import (
    along,
    bandwidth,
    claims,
    compare,
    identity,
    intents,
    late,
    preflight,
    read_once,
    returning,
    window,
)
from drover.migration.disks import COMPARED, SOURCE_VERSIONS, copy_disks, journal, manifests, paired, totals
from drover.migration.intents import Intent
from drover.migration.move import Move
from drover.migration.stage import Facts, require, stage
from drover.model import PowerState, Progress, Strategy, VirtualMachine

_POLL_SECONDS = 1.0
_LAST_SEEN = "live_last_seen.json"


def run(move: Move) -> Facts:
    """The whole transfer, blocking."""
    if not begin(move):
        return {}
    ended(move)
    return finish(move)


def begin(move: Move) -> bool:
    """Starts the transfer. True: a live move is under way and must be waited for. False: all is done."""
    if move.plan.strategy is Strategy.LIVE:
        _begin_live(move)
        return True
    _cold(move)
    return False


# Cold


@stage("transfer")
def _cold(move: Move) -> Facts:
    require(move, "backup")
    _begin(move)
    _take_down(move)
    made = move.target.define(_definition(move), move.settings)
    with (
        move.source.read_disks(move.name) as sources,
        move.target.write_disks(move.name, move.owner) as targets,
    ):
        # It may be an earlier run's; now that it is known to be off and ours, it is this run's.
        move.target.tag(move.name, move.owner)
        versions = {name: endpoint.version for name, endpoint in sources.items()}
        ours = paired(move, made, targets)
        backed_up = read_once.is_current(move, sources)
        copies = read_once.copy_backup(move, ours) if backed_up else copy_disks(move, sources, ours, journals=True)
    manifests(move, "source").save({disk: copy.copy.manifest for disk, copy in copies.items()})
    for disk in copies:
        journal(move, disk).unlink(missing_ok=True)
    move.store.write_json(SOURCE_VERSIONS, versions)
    return {"strategy": "cold", "read_from": "backup" if backed_up else "source", **totals(copies)}


def _definition(move: Move) -> VirtualMachine:
    """Asked anew: what a guest changes in its UEFI variables while it runs is a part of the definition.

    What it is, some platforms hear from the guest alone, while it runs.
    """
    now = move.source.machine(move.name)
    return replace(now, guest_os=now.guest_os or move.machine.guest_os)


def _begin(move: Move) -> None:
    """The first change of all: nobody else may be moving the machine, and it must be as it was looked at."""
    window.check(move)
    identity.refuse_another(move)
    returning.refuse_over(move)
    claims.claim(move)
    if not intents.declared(move.store, Intent.BEGUN):
        try:
            _look_again(move)
            identity.keep_target(move)
        except Exception:
            # Nothing was changed, so nobody need wait for this run.
            claims.release(move)
            raise
    intents.declare(move.store, Intent.BEGUN)
    # An order of a run that was taken back: from here on the machine is this one's to bring back.
    late.forget(move)
    # Of a rollback that did not get to its end: what it started goes down again.
    intents.withdraw(move.store, Intent.SOURCE_BACK)


def _look_again(move: Move) -> None:
    """Days may lie between the first look and this one: an approval, a window, a wave before this one.

    Under the claim, so that what is seen stays so as far as Drover goes.
    """
    now = move.source.machine(move.name)
    identity.refuse_migrated(now)
    _refuse_other_state(move, now.state)
    preflight.ask_again(move)


def _refuse_other_state(move: Move, now: PowerState) -> None:
    if now is not move.machine.state:
        raise OperatorNeededError(
            f"Machine '{move.name}' was {move.machine.state} when the run began and is {now} now.",
            remedy="Run the wave again, so that it is moved as what it is now.",
        )


def _take_down(move: Move) -> None:
    """The intent first: killed between the two, rollback knows that the source may be off because of us."""
    if move.machine.state is PowerState.RUNNING:
        intents.declare(move.store, Intent.SOURCE_DOWN)
        intents.withdraw(move.store, Intent.SOURCE_OFF)
    else:
        _refuse_other_state(move, move.source.power_state(move.name))
    move.source.set_autostart(move.name, False)
    move.source.shut_down(move.name, move.plan.shutdown_deadline)
    intents.declare(move.store, Intent.SOURCE_OFF)


# Live


@stage("transfer-begin")
def _begin_live(move: Move) -> Facts:
    require(move, "backup")
    _begin(move)
    tried = intents.declared(move.store, Intent.LIVE_MOVE)
    mover = _mover(move.source)
    if mover.takes_along:
        along.meet(move)
    intents.declare(move.store, Intent.LIVE_MOVE)
    if not mover.takes_along:
        # What stays behind must not come up by itself when its host boots.
        move.source.set_autostart(move.name, False)
    elif move.plan.compare_at_switchover:
        raise OperatorNeededError(
            f"Machine '{move.name}' cannot be compared at the switch-over: its platform takes it along at once.",
            remedy="Leave out compare_at_switchover, or choose the strategy 'cold'.",
        )
    elif tried and along.arrived(move):
        # A killed try started the move, and it is over. Without one, its manager has moved the machine by itself.
        return {"strategy": "live", "compare_at_switchover": False}
    mover.start_live(
        move.name,
        move.target,
        move.settings,
        bandwidth=bandwidth.begin_live(move),
        paused=move.plan.compare_at_switchover,
    )
    return {"strategy": "live", "compare_at_switchover": move.plan.compare_at_switchover}


def ended(move: Move, within: float = math.inf) -> bool:
    """Waits for the end of the live move. :param within: seconds. :returns: whether it has ended."""
    until = time.monotonic() + within
    while status(move).state is LiveState.RUNNING:
        if time.monotonic() >= until:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def status(move: Move) -> LiveStatus:
    """How the live move is doing; also keeps its progress where the console and the UI find it."""
    now = _mover(move.source).live_status(move.name, move.target)
    if now.state is LiveState.RUNNING:
        move.store.write_json(_LAST_SEEN, {"running": time.time()})
        move.store.progress(Progress("live move", now.done, now.total))
    return now


@stage("transfer")
def finish(move: Move) -> Facts:
    """After the wait: the platform says that it is done; where the wave asks for it, both disks are compared."""
    final = _mover(move.source).live_status(move.name, move.target)
    if final.state is LiveState.RUNNING:
        raise RetryableError(f"The live move of '{move.name}' still runs.", remedy="Wait for it and try again.")
    bandwidth.end_live(move)
    if final.state is not LiveState.DONE:
        raise RetryableError(
            f"The live move of '{move.name}' did not succeed: {final.message or 'the platform gave no reason'}.",
            remedy="Drover tries again, then makes sure that the machine runs at the source.",
        )
    if along.takes_along(move):
        _take_over(move)
    elif not move.plan.compare_at_switchover:
        intents.declare(move.store, Intent.TARGET_STARTED)
    moved = _moved(move, final)
    facts: Facts = {"strategy": "live", "bytes_written": moved, "bytes_read": moved}
    began = intents.declared(move.store, Intent.LIVE_MOVE)
    facts["seconds"] = round(time.time() - began, 3) if began else 0.0
    facts["downtime_seconds"] = round(_still(move) if final.downtime is None else final.downtime, 3)
    if move.plan.compare_at_switchover:
        facts.update(_compare_and_resume(move, final))
    return facts


def _take_over(move: Move) -> None:
    """The machine brought the source's settings along, so what tells whose move it was is put on it here.

    :raises RetryableError: the platform says that it is done, and the two ends do not show it.
    """
    if along.at_source(move) is not None or along.at_target(move) is None:
        raise RetryableError(
            f"The live move of '{move.name}' is done, but the machine is not at the target alone.",
            remedy="Look for the machine at both ends.",
        )
    intents.declare(move.store, Intent.TARGET_STARTED)
    move.target.tag(move.name, move.owner_as("started"))


def _moved(move: Move, final: LiveStatus) -> int:
    """Bytes that went over the line: the platform counts every hole of a disk as copied, so what the target's disks
    take up stands in their place; the rest of its count is memory."""
    disks = move.target.machine(move.name).disks
    memory = max(0, final.done - sum(disk.size for disk in disks))
    return memory + sum(disk.allocated for disk in disks)


def _compare_and_resume(move: Move, final: LiveStatus) -> Facts:
    """Both disks stand still: the source is off, the target paused. Equal, the target runs on; else it never does."""
    if move.target.power_state(move.name) is not PowerState.PAUSED:
        # A killed try compared and resumed it already; what it saw was kept before it resumed.
        seen = move.store.read_json(COMPARED)
        return {"compared": True, "downtime_seconds": seen["downtime"]} if seen else _not_compared(move)
    compare.both_ends(move)
    if (state := move.source.power_state(move.name)) is not PowerState.OFF:
        raise OperatorNeededError(
            f"Machine '{move.name}' is {state} at the source, so its paused double at the target is not resumed.",
            remedy="Find out who started it; the move is taken back.",
        )
    downtime = round(_still(move) + (final.downtime or 0.0), 3)
    move.store.write_json(COMPARED, {"at": time.time(), "downtime": downtime})
    intents.declare(move.store, Intent.TARGET_STARTED)
    move.target.tag(move.name, move.owner_as("started"))
    move.target.resume(move.name)
    return {"compared": True, "downtime_seconds": downtime}


def _still(move: Move) -> float:
    """The guest stood still since some moment after the move was last seen running: an upper bound, seconds."""
    began = intents.declared(move.store, Intent.LIVE_MOVE)
    seen = (move.store.read_json(_LAST_SEEN) or {}).get("running", began)
    return time.time() - float(seen) if seen else 0.0


def _not_compared(move: Move) -> Facts:
    raise CorruptionError(
        f"Machine '{move.name}' was to be compared while it stood still at the switch-over, but it runs already.",
        remedy="Someone resumed it by hand; the two disks can no longer be compared, so the move is taken back.",
    )


def _mover(hypervisor: Hypervisor) -> LiveMover:
    if not isinstance(hypervisor, LiveMover):
        raise OperatorNeededError(
            f"A {hypervisor.kind} host cannot move a running machine by itself.",
            remedy="Use the strategy 'cold' for this machine.",
        )
    return hypervisor

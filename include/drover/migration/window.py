"""The change window: asked before a machine's source goes down, with an estimate renewed from what this run measured.

Outside of it a machine waits. One that would not arrive before it closes is not begun; nothing of it has been changed
then, so the same task may be run again when the window is open next time.
"""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

from drover.concerns import window_too_short
from drover.concerns.preflight import Preflight
from drover.errors import OperatorNeededError
from drover.hypervisors import registry
from drover.migration import intents, under_way
from drover.migration.intents import Intent
from drover.migration.move import Move
from drover.migration.stage import Facts, require, stage
from drover.waves import fit, limits, measured
from drover.waves.estimate import Load, load_of
from drover.waves.fit import Fit
from drover.waves.moved import left_behind
from drover.waves.window import opening, said

clock: Callable[[], float] = time.time

log = logging.getLogger(__name__)


@stage("window")
def run(move: Move) -> Facts:
    require(move, "backup")
    return check(move)


def opens_at(move: Move) -> float | None:
    """When the machine may go down, seconds since the epoch; None where it may do so now. Kept in the evidence."""
    now = clock()
    if move.wave.window is None or _begun(move):
        return None
    found = opening(move.wave.window, now)
    if found.holds(now):
        return None
    opens = said(move.wave.window, found.opens)
    log.info("%s: the window is closed; it waits until %s.", move.name, opens)
    waits = {"waits_until": datetime.fromtimestamp(found.opens, UTC).isoformat(), "window": opens}
    move.store.record("window", "info", waits, now)
    return found.opens


def check(move: Move) -> Facts:
    """Whether the machine may go down now. One that has begun is never kept from arriving.

    :raises OperatorNeededError: the window is closed, or would be before the machine has arrived.
    """
    now = clock()
    window = move.wave.window
    if window is None or _begun(move):
        return {}
    found = opening(window, now)
    if not found.holds(now):
        raise OperatorNeededError(
            f"Machine '{move.name}' was not begun: the window is closed and opens {said(window, found.opens)}.",
            remedy="Run its task 'window' again, which waits until then, and those after it.",
        )
    renewed = _renewed(move, now)
    if renewed.late:
        _refuse_overrun(move, renewed)
    facts: Facts = {
        "closes": renewed.closes,
        "needed_seconds": round(renewed.needed),
        "left_seconds": round(renewed.there),
    }
    if renewed.late:
        log.warning("%s: the wave will overrun its window. %s", move.name, renewed.words)
        facts |= {"late": list(renewed.late), "early_word": renewed.words}
    return facts


def _refuse_overrun(move: Move, renewed: Fit) -> None:
    """The wave stops before the next source goes down. Who accepts that others are late goes while it arrives itself.

    :raises OperatorNeededError: the machine is not to be begun.
    """
    if move.name in renewed.late:
        why = "it would arrive after the window closes"
    elif any(waiver.id == window_too_short.ID for waiver in move.plan.waive):
        return
    else:
        why = "the wave will overrun its window"
    raise OperatorNeededError(
        f"Machine '{move.name}' was not begun, because {why}. Measured by what this run took so far: {renewed.words}",
        remedy="Run its task 'window' again when the window is open next time, or widen the window.",
    )


def look_ahead(move: Move, seen: Preflight) -> Fit | None:
    """Whether what is left of the wave fits, before anything of this machine is begun; None where it has no window.

    The machines at other hosts are asked for now: their disks count as much as this one's.
    """
    if not fit.asked(move.wave):
        return None
    loads = _loads(move, seen)
    under_way.keep_loads(move, loads)
    return _renewed(move, clock())


def _renewed(move: Move, now: float) -> Fit:
    loads = under_way.kept_loads(move)
    if loads is None:
        raise OperatorNeededError(
            f"Nobody has asked yet how much machine '{move.name}' and those beside it have to move.",
            remedy="Run the task 'preflight' of this machine again.",
        )
    behind = under_way.done(move)
    loads = under_way.left(move, loads, behind)
    found = fit.renewed(
        limits.bound(move.wave, move.resolve), loads, now, measured.read(move.root), behind, first=move.name
    )
    assert found is not None  # the wave has a window, or nobody asks
    return found


def _loads(move: Move, seen: Preflight) -> dict[str, Load]:
    """Of every machine of the wave that is at its source, and not only left behind there."""
    wave = move.wave
    machines = {
        wave.source_of(move.plan): seen.source_facts.machines,
        wave.target_of(move.plan): seen.target_facts.machines,
    }
    loads = {}
    for plan in wave.machines:
        source = wave.source_of(plan)
        if source not in machines:
            with registry.connect(move.resolve(source)) as hypervisor:
                machines[source] = tuple(hypervisor.machines())
        found = next((machine for machine in machines[source] if machine.name == plan.name), None)
        if found is not None and not left_behind(wave, plan, [found]):
            loads[plan.name] = load_of(found)
    return loads


def _begun(move: Move) -> bool:
    return intents.declared(move.store, Intent.BEGUN) is not None

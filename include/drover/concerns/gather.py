"""Asks both hypervisors, once each, for what the concerns look at."""

import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from drover.backups.objects import open_objects
from drover.backups.places import work_root
from drover.concerns.preflight import FolderFacts, HostFacts, Preflight
from drover.errors import BadInputError, DroverError, OperatorNeededError
from drover.hypervisors.connection import ConnectionSpec
from drover.hypervisors.counters import PerformanceMeter
from drover.hypervisors.port import Hypervisor, LiveChecker, LiveMover, LiveObstacle, TargetSettings
from drover.hypervisors.reach import DiskLine
from drover.model import Ownership, PowerState, Strategy, VirtualMachine
from drover.waves.backup_plan import BackupPlan
from drover.waves.checks import CommandCheck
from drover.waves.schema import MachinePlan, Wave

Resolver = Callable[[str], ConnectionSpec]
Translate = Callable[[VirtualMachine, TargetSettings], VirtualMachine]
# Seconds. Long enough to see a guest that writes all the time, which is the one that counts.
SAMPLE = 2.0

log = logging.getLogger(__name__)

CheckLive = Callable[[str, TargetSettings], Sequence[LiveObstacle]]


def gather(wave: Wave, plan: MachinePlan, source: Hypervisor, target: Hypervisor, resolve: Resolver) -> Preflight:
    """What is to be known about one machine's move, asked now.

    The space that the wave needs is summed over the machines whose hosts these two are.

    :param resolve: gives a connection by its id, and raises `BadInputError` where there is none.
    :raises RetryableError, OperatorNeededError: as the hypervisors do.
    """
    facts = {wave.source_of(plan): read_facts(source), wave.target_of(plan): read_facts(target)}
    return assemble(wave, plan, facts, resolve, target.translated, live_check(source, target))


def live_check(source: Hypervisor, target: Hypervisor) -> CheckLive | None:
    """The platform's own check of a live move between these two; None where it has none."""
    if not isinstance(source, LiveChecker) or source.kind != target.kind:
        return None
    return lambda name, settings: source.live_obstacles(name, target, settings)


def read_facts(hypervisor: Hypervisor) -> HostFacts:
    """One host as it is now."""
    before = time.time()
    host = hypervisor.host()
    after = time.time()
    return HostFacts(
        host=host,
        asked=(before, after),
        machines=tuple(hypervisor.machines()),
        networks=tuple(hypervisor.networks()),
        pools=tuple(hypervisor.pools()),
        hosts=tuple(hypervisor.hosts()),
        takes_along=hypervisor.takes_along if isinstance(hypervisor, LiveMover) else None,
        measures=hypervisor.figures() if isinstance(hypervisor, PerformanceMeter) else frozenset(),
        out_of_reach=hypervisor.disks_out_of_reach() if isinstance(hypervisor, DiskLine) else None,
    )


def write_rate(plan: MachinePlan, machine: VirtualMachine | None, source: Hypervisor) -> float | None:
    """Bytes a second that the machine writes to its disks, looked at for `SAMPLE` seconds.

    None where that does not count: only a move that copies the disks of a running machine copies again what is written.
    None, too, where nobody can tell.
    """
    if plan.strategy is not Strategy.LIVE or machine is None or machine.state is not PowerState.RUNNING:
        return None
    if not isinstance(source, LiveMover) or source.takes_along or not isinstance(source, PerformanceMeter):
        return None
    try:
        return source.usage(machine.name, SAMPLE).write_rate
    except DroverError as error:
        log.warning("%s: how much it writes is not known: %s", machine.name, error)
        return None


def assemble(
    wave: Wave,
    plan: MachinePlan,
    facts: Mapping[str, HostFacts],
    resolve: Resolver,
    translate: Translate,
    check_live: CheckLive | None = None,
    backups: FolderFacts | None = None,
) -> Preflight:
    """The same from what was read before.

    :param facts: by connection id, both ends of this machine among them. :param translate: the target's.
    :param backups: where they will lie; looked at now, if not given.
    """
    source = _find(facts, wave.source_of(plan), plan.name)
    settings = _settings(wave, plan, source) if source else None
    translated, refusal = _translated(source, settings, translate)
    obstacles = _obstacles(plan, source, settings, check_live) if translated else ()
    together = _together(wave, facts)
    return Preflight(
        wave=wave,
        plan=plan,
        source=source,
        source_facts=facts[wave.source_of(plan)],
        target_facts=facts[wave.target_of(plan)],
        backup_folder=backups or look_at_backups(wave.backup),
        now=time.time(),
        companions=tuple(each for each in together if wave.target_of(each[0]) == wave.target_of(plan)),
        elsewhere=tuple(each for each in together if wave.target_of(each[0]) != wave.target_of(plan)),
        connections={conn_id: _spec(resolve, conn_id) for conn_id in _connections(wave, plan)},
        translated=translated,
        refusal=refusal,
        live_obstacles=obstacles,
    )


def _settings(wave: Wave, plan: MachinePlan, source: VirtualMachine) -> TargetSettings:
    places = wave.mappings_of(plan)
    return TargetSettings(
        networks=dict(places.networks),
        storage=dict(places.storage),
        owner=Ownership(wave.wave, "", plan.name, source.uuid, "target"),
        host=places.host,
    )


def _obstacles(
    plan: MachinePlan, source: VirtualMachine | None, settings: TargetSettings | None, check: CheckLive | None
) -> tuple[LiveObstacle, ...]:
    if source is None or settings is None or check is None or plan.strategy is not Strategy.LIVE:
        return ()
    if source.state is not PowerState.RUNNING:
        return ()
    try:
        return tuple(check(plan.name, settings))
    except (OperatorNeededError, BadInputError) as error:
        return (LiveObstacle("not asked", error.message, error.remedy or None),)


def _translated(
    source: VirtualMachine | None, settings: TargetSettings | None, translate: Translate
) -> tuple[VirtualMachine | None, str | None]:
    """What the target would make of the machine, or why it cannot."""
    if source is None or settings is None:
        return None, None
    try:
        return translate(source, settings), None
    except (OperatorNeededError, BadInputError) as error:
        return None, str(error)


def look_at_backups(plan: BackupPlan) -> FolderFacts:
    """An object store is asked for something, whatever it is: that it answers is what counts."""
    folder = look_at_folder(str(work_root(plan)))
    if plan.repository is None:
        return folder
    try:
        open_objects(plan.repository).size("drover")
    except DroverError as error:
        return replace(folder, store=f"{plan.repository} cannot be used: {error}")
    return folder


def look_at_folder(path: str) -> FolderFacts:
    """A folder that does not exist yet counts as its nearest parent that does; nothing is made."""
    there = next((folder for folder in (Path(path), *Path(path).parents) if folder.exists()), Path("/"))
    free: int | None = None
    with suppress(OSError):
        status = os.statvfs(there)
        free = status.f_bavail * status.f_frsize
    return FolderFacts(path=path, writable=there.is_dir() and os.access(there, os.W_OK | os.X_OK), free=free)


def _find(facts: Mapping[str, HostFacts], conn_id: str, name: str) -> VirtualMachine | None:
    machines = facts[conn_id].machines if conn_id in facts else ()
    return next((machine for machine in machines if machine.name == name), None)


def _together(wave: Wave, facts: Mapping[str, HostFacts]) -> list[tuple[MachinePlan, VirtualMachine]]:
    """The wave's machines, as far as their hosts were asked."""
    found = ((plan, _find(facts, wave.source_of(plan), plan.name)) for plan in wave.machines)
    return [(plan, machine) for plan, machine in found if machine is not None]


def _connections(wave: Wave, plan: MachinePlan) -> set[str]:
    commands = {check.command.connection for check in plan.checks if isinstance(check, CommandCheck)}
    return {wave.source_of(plan), wave.target_of(plan)} | commands


def _spec(resolve: Resolver, conn_id: str) -> ConnectionSpec | None:
    # Any other error, such as a connection that is there and cannot be read, is told as what it is.
    try:
        return resolve(conn_id)
    except BadInputError:
        return None

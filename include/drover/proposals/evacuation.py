"""A wave for everything on a host, or behind a connection: what goes, how, and where to."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from drover.concerns.preflight import HostFacts
from drover.errors import BadInputError, OperatorNeededError
from drover.model import PowerState, Strategy, VirtualMachine
from drover.proposals.placement import Placed, Room, place, rooms_of
from drover.waves.loader import parse

WAVE = "evacuate_host"
REASONS = ("maintenance", "retired", "slow", "closing")
# More than this is a site to plan in waves, not a host to empty at once.
MOST = 500
_LEFT = ("migrated", "kept")
_UNFINISHED = ("target", "started")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the form says.

    :param host: whose machines go; empty for all behind the connection.
    :param prefer: `live` where the platforms can, or `cold`.
    :param keys: more keys of the wave: mappings, backup, bandwidth. :param checks: by the machine's name.
    :param changing: files, as patterns, that a machine may write while it moves `live`.
    """

    source: str
    host: str
    targets: tuple[str, ...]
    reason: str
    prefer: Strategy
    keys: Mapping[str, Any]
    checks: Mapping[str, Any]
    changing: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Evacuation:
    """:param wave: as JSON. :param machines: keys, in the wave's order. :param stay: what is not taken, and why."""

    wave: str
    machines: tuple[str, ...]
    placed: tuple[Placed, ...]
    stay: Mapping[str, str]


def evacuate(asked: Asked, source: HostFacts, targets: Mapping[str, HostFacts]) -> Evacuation:
    """:param targets: by connection id.

    :raises BadInputError: there is no such host, something is not mapped, or the answers make no wave.
    :raises OperatorNeededError: there is nothing to move, or no room for it.
    """
    there = _on_host(asked, source)
    stay = {machine.name: why for machine in there if (why := _stays(machine))}
    going = [machine for machine in there if machine.name not in stay]
    _refuse_none_or_too_many(asked, going, stay)
    mappings = asked.keys.get("mappings", {})
    _refuse_unmapped(going, mappings)
    hosts = source.hosts or (source.host,)
    leaving = [(asked.source, host.name) for host in hosts if asked.host in ("", host.name)]
    strategies = _Strategies(asked, source, targets)
    placed = place(going, rooms_of(targets, leaving), mappings.get("storage", {}), asked.source, strategies.objection)
    document = {
        "wave": WAVE,
        "description": f"Everything on {asked.host or asked.source} leaves: {asked.reason}.",
        "reason": asked.reason,
        "source": asked.source,
        "target": placed[0].connection,
        **asked.keys,
        "machines": [_machine(each, asked, strategies, targets) for each in placed],
    }
    text = json.dumps(document, ensure_ascii=False)
    wave = parse(text, "given in the form")
    return Evacuation(text, tuple(plan.key for plan in wave.machines), tuple(placed), stay)


def _on_host(asked: Asked, source: HostFacts) -> list[VirtualMachine]:
    names = [host.name for host in source.hosts or (source.host,)]
    if asked.host and asked.host not in names:
        raise BadInputError(
            f"There is no host '{asked.host}' behind the connection '{asked.source}'.",
            remedy=f"There are: {', '.join(sorted(names))}.",
        )
    return [machine for machine in source.machines if asked.host in ("", machine.host)]


def _stays(machine: VirtualMachine) -> str:
    if machine.template:
        return "it is a template, which never runs"
    role = machine.ownership.role if machine.ownership else None
    if role in _LEFT:
        return "an earlier wave left it behind, on purpose"
    return "another move to here has not ended" if role in _UNFINISHED else ""


def _refuse_none_or_too_many(asked: Asked, going: Sequence[VirtualMachine], stay: Mapping[str, str]) -> None:
    where = f"host '{asked.host}'" if asked.host else f"connection '{asked.source}'"
    if not going:
        others = "".join(f" '{name}' stays: {why}." for name, why in stay.items())
        raise OperatorNeededError(
            f"There is no machine on {where} that could be moved.{others}", remedy="Nothing is to be done there."
        )
    if len(going) > MOST:
        raise BadInputError(
            f"There are {len(going)} machines on {where}, more than {MOST}.",
            remedy="Plan them in waves: './drover wave from-rvtools' or 'from-csv' proposes some.",
        )


def _refuse_unmapped(going: Sequence[VirtualMachine], mappings: Mapping[str, Any]) -> None:
    """All at once. What is not mapped is never guessed."""
    networks = {nic.network for machine in going for nic in machine.nics} - set(mappings.get("networks", {}))
    pools = {disk.pool or "" for machine in going for disk in machine.disks} - set(mappings.get("storage", {}))
    missing = [f"network '{name}'" for name in sorted(networks)] + [f"storage pool '{name}'" for name in sorted(pools)]
    if missing:
        raise BadInputError(
            f"Not mapped: {', '.join(missing)}.", remedy="Say in the form how each of them is called at the target."
        )


class _Strategies:
    """How a machine can go from its host to another."""

    def __init__(self, asked: Asked, source: HostFacts, targets: Mapping[str, HostFacts]) -> None:
        self._asked = asked
        self._source = source
        self._targets = targets

    def of(self, machine: VirtualMachine, connection: str) -> Strategy:
        able = (
            machine.state is PowerState.RUNNING
            and not machine.snapshots
            and self._source.takes_along is not None
            and self._source.host.hypervisor == self._targets[connection].host.hypervisor
        )
        within = connection == self._asked.source
        return Strategy.LIVE if able and (within or self._asked.prefer is Strategy.LIVE) else Strategy.COLD

    def objection(self, machine: VirtualMachine, room: Room) -> str | None:
        if room.connection == self._asked.source and self.of(machine, room.connection) is Strategy.COLD:
            return "is behind the same connection, where a machine only moves while it runs and has no snapshots"
        return None


def _machine(each: Placed, asked: Asked, strategies: _Strategies, targets: Mapping[str, HostFacts]) -> dict[str, Any]:
    several = len(targets[each.connection].hosts) > 1
    strategy = strategies.of(each.machine, each.connection)
    changing = list(asked.changing) if strategy is Strategy.LIVE else []
    return {
        "name": each.machine.name,
        "strategy": strategy.value,
        "target": each.connection,
        "checks": asked.checks.get(each.machine.name, []),
        **({"guest_files": {"changing": changing}} if changing else {}),
        **({"mappings": {"host": each.host}} if several else {}),
    }

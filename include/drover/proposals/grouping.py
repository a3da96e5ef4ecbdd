"""Which machines go in which wave: groups stay together, what is needed goes first, no wave is larger than asked.

The same list gives the same waves, whatever the order of its lines.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from drover.errors import BadInputError
from drover.model import Category, Concern, PowerState, Strategy
from drover.proposals.candidate import Candidate, Key
from drover.proposals.findings import Neighbours, findings


@dataclass(frozen=True, slots=True)
class Proposed:
    """A machine and how it would move. :param notes: concerns that do not keep it back."""

    candidate: Candidate
    strategy: Strategy
    notes: tuple[Concern, ...] = ()


@dataclass(frozen=True, slots=True)
class LeftOut:
    """:param reasons: the id of the concern, or nothing, and its words."""

    candidate: Candidate
    reasons: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ProposedWave:
    """:param number: from 1, in the order in which the waves go. :param part: of how many `parts` its group has."""

    number: int
    place: str
    group: str
    part: int
    parts: int
    machines: tuple[Proposed, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def size(self) -> int:
        return sum(each.candidate.size for each in self.machines)


def propose(
    candidates: Sequence[Candidate], origin: str, *, most: int, largest: int | None, live: bool
) -> tuple[ProposedWave, ...]:
    """:param origin: what the list is called. :param most: machines in a wave.

    :param largest: bytes of disks in a wave, where one machine alone does not exceed it.
    :param live: whether running machines may be proposed to move while they run.
    :raises BadInputError: machines need each other in a circle, or none can be moved as it is.
    """
    neighbours = Neighbours(candidates)
    judged = [_judge(each, neighbours, live) for each in sorted(candidates, key=_order)]
    good = {one.candidate.key: one for one in judged if isinstance(one, Proposed)}
    bad = [one for one in judged if isinstance(one, LeftOut)]
    if not good:
        raise BadInputError(
            f"{origin}: none of its machines can be moved as it is. {_first(bad)}",
            remedy="Mend them, and give the list again.",
        )
    blocks = [_cut(block, most, largest) for block in _blocks(good)]
    waves = [(wave, part, len(parts)) for parts in blocks for part, wave in enumerate(parts, 1)]
    homes = {_group(wave[0].candidate): number for number, (wave, _, _) in enumerate(waves)}
    left: dict[int, list[LeftOut]] = {}
    for one in bad:
        left.setdefault(homes.get(_group(one.candidate), len(waves) - 1), []).append(one)
    return tuple(
        ProposedWave(number + 1, *_group(wave[0].candidate), part, parts, tuple(wave), tuple(left.get(number, ())))
        for number, (wave, part, parts) in enumerate(waves)
    )


def _judge(candidate: Candidate, neighbours: Neighbours, live: bool) -> Proposed | LeftOut:
    if candidate.excluded:
        return LeftOut(candidate, (("", f"{candidate.excluded[:1].upper()}{candidate.excluded[1:]}."),))
    strategy = candidate.strategy or _strategy(candidate, live)
    found = findings(candidate, strategy, neighbours)
    critical = tuple((each.id, each.assessment) for each in found if each.category is Category.CRITICAL)
    return LeftOut(candidate, critical) if critical else Proposed(candidate, strategy, tuple(found))


def _strategy(candidate: Candidate, live: bool) -> Strategy:
    """A machine that is off has nothing to keep running; one with snapshots is moved by no hypervisor while it runs."""
    runs = candidate.machine.state is PowerState.RUNNING
    return Strategy.LIVE if live and runs and not candidate.machine.snapshots else Strategy.COLD


def _blocks(machines: dict[Key, Proposed]) -> Iterable[list[Proposed]]:
    """Machines of one group after another, each after those that it needs; a group is parted only where it must be."""
    groups: dict[tuple[str, str], list[Proposed]] = {}
    for each in machines.values():
        groups.setdefault(_group(each.candidate), []).append(each)
    waiting = set(machines)
    while groups:
        group = _next_group(groups, waiting)
        block: list[Proposed] = []
        while ready := [each for each in groups[group] if not _waits(each, waiting)]:
            block += ready
            waiting -= {each.candidate.key for each in ready}
            groups[group] = [each for each in groups[group] if each.candidate.key in waiting]
        if not groups[group]:
            del groups[group]
        yield block


def _next_group(groups: Mapping[tuple[str, str], Sequence[Proposed]], waiting: set[Key]) -> tuple[str, str]:
    """One that can go as a whole; else one that has a machine which can go."""
    some = None
    for group in sorted(groups, key=lambda each: (each[0].casefold(), each[1].casefold(), each)):
        own = {each.candidate.key for each in groups[group]}
        waits = [_waits(each, waiting) for each in groups[group]]
        if all(waits):
            continue
        if all(each <= own for each in waits):
            return group
        some = some or group
    if some is None:
        raise _circle([each.candidate for members in groups.values() for each in members])
    return some


def _waits(each: Proposed, waiting: set[Key]) -> set[Key]:
    return waiting.intersection(each.candidate.needs)


def _circle(candidates: Iterable[Candidate]) -> BadInputError:
    """Every machine here waits for another of them, so following any of them comes round."""
    by_key = {each.key: each for each in candidates}
    way = [next(iter(by_key.values()))]
    while way.count(way[-1]) == 1:
        way.append(next(by_key[key] for key in way[-1].needs if key in by_key))
    ring = way[way.index(way[-1]) :]
    names = " needs ".join(f"'{each.name}'" for each in ring)
    return BadInputError(
        f"{ring[0].row.sheet.where}, line {ring[0].row.line}: {names}: nothing of this can go first.",
        remedy="Leave out one of these needs.",
    )


def _cut(block: Sequence[Proposed], most: int, largest: int | None) -> list[list[Proposed]]:
    waves: list[list[Proposed]] = []
    size = 0
    for each in block:
        size += each.candidate.size
        if not waves or len(waves[-1]) == most or (largest is not None and size > largest):
            waves.append([])
            size = each.candidate.size
        waves[-1].append(each)
    return waves


def _group(candidate: Candidate) -> tuple[str, str]:
    return candidate.place, candidate.group


def _order(candidate: Candidate) -> tuple[str, ...]:
    machine = candidate.machine
    return (candidate.place, machine.name.casefold(), machine.name, machine.id or "")


def _first(left_out: Sequence[LeftOut]) -> str:
    return f"The first: '{left_out[0].candidate.name}'. {left_out[0].reasons[0][1]}" if left_out else ""

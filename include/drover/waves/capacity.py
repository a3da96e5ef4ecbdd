"""How much of a wave would fit into a place that is too small for the whole of it: a host, a pool, a backup folder."""

from collections.abc import Mapping, Sequence

from drover.waves import limits
from drover.waves.order import tiers
from drover.waves.schema import Wave


def what_fits(wave: Wave, needs: Mapping[str, int], room: int) -> str:
    """In words, by the order in which the machines go. :param needs: bytes, by the machine's name."""
    order = {plan.name: place for place, plan in enumerate(plan for tier in tiers(wave) for plan in tier)}
    going = sorted((name for name, need in needs.items() if need > 0), key=lambda name: order.get(name, len(order)))
    fits: list[str] = []
    for name in going:
        room -= needs[name]
        if room < 0:
            break
        fits.append(name)
    if not fits:
        return f"Not even '{going[0]}', which goes first, fits." if going else "None of its machines needs any."
    return f"The first {len(fits)} of {len(going)} machines would fit: those up to '{fits[-1]}'."


def at_once(wave: Wave, needs: Mapping[str, int], places: Mapping[str, Sequence[str]]) -> int:
    """The most that backups need at the same time, where each one's need ends with it: by the order and the limits.

    :param needs: bytes, by the machine's name. :param places: what its backup takes a place in (`limits.places`).
    """
    return min(_by_order(wave, needs), *(_by_limit(wave, needs, places, kind) for kind in ("host", "storage")))


def _by_order(wave: Wave, needs: Mapping[str, int]) -> int:
    """Of machines that wait for each other only one is backed up; in a rehearsal none waits."""
    if wave.mode == "rehearsal":
        return sum(needs.values())
    chains: dict[str, int] = {}  # the most that one of a chain needs, by the last one in it
    for plan in (plan for tier in tiers(wave) for plan in tier):
        before = max((name for name in plan.after if name in chains), key=lambda name: chains[name], default=None)
        most = chains.pop(before) if before is not None else 0
        chains[plan.name] = max(most, needs.get(plan.name, 0))
    return sum(chains.values())


def _by_limit(wave: Wave, needs: Mapping[str, int], places: Mapping[str, Sequence[str]], kind: str) -> int:
    """The largest that the limit lets into each place. A machine in several is counted in one of them."""
    there: dict[str, list[int]] = {}
    free = 0
    for name, need in needs.items():
        mine = next((place for place in places.get(name, ()) if place.partition(" ")[0] == kind), None)
        if mine is None or limits.most(wave.limits, mine) is None:
            free += need
        else:
            there.setdefault(mine, []).append(need)
    return free + sum(
        sum(sorted(found, reverse=True)[: limits.most(wave.limits, place)]) for place, found in there.items()
    )

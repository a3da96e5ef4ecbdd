"""How much of a wave would fit into a place that is too small for the whole of it: a host, a pool, a backup folder."""

from collections.abc import Mapping

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

"""A running guest sees the very CPU of its host, and the other host may have another."""

from collections.abc import Iterator

from drover.concerns.finding import critical, unknown, warning
from drover.concerns.preflight import Preflight
from drover.model import Concern, Strategy

ID = "cpu.passthrough"
WAIVABLE = True

_LABEL = "CPU passed through"


def check(p: Preflight) -> Iterator[Concern]:
    if p.source is None or p.source.cpu.mode != "host-passthrough" or p.plan.strategy is not Strategy.LIVE:
        return
    here, there = p.source_host.cpu_model, p.target_host.cpu_model
    found = f"The running machine '{p.plan.name}' sees the CPU of {p.source_host.name} as it is"
    if here is None or there is None:
        yield unknown(
            ID,
            _LABEL,
            what=f"whether {p.target_host.name} has the CPU that machine '{p.plan.name}' sees at {p.source_host.name}",
            do="Choose the strategy 'cold', or give the machine a named CPU model.",
        )
    elif here != there:
        yield critical(
            ID,
            _LABEL,
            found=f"{found} ({here}); {p.target_host.name} has {there}.",
            why="A guest whose CPU changes under it crashes, at once or at the first instruction that is missing.",
            do="Choose the strategy 'cold', or give the machine a named CPU model that both have.",
        )
    else:
        yield warning(
            ID,
            _LABEL,
            found=f"{found} ({here}), and {p.target_host.name} names its own the same.",
            why="Microcode and firmware settings can still differ between hosts of one model.",
            do="Make sure that both hosts have the same microcode, or give the machine a named CPU model.",
        )

"""A running guest takes a CPU model along that a host with another CPU may not be able to give."""

from collections.abc import Iterator

from drover.concerns.finding import unknown, warning
from drover.concerns.preflight import Preflight
from drover.model import Concern, Strategy

ID = "cpu.model"
WAIVABLE = False

_LABEL = "CPU model"
# Emulated everywhere, or not bound to a host's CPU.
_EVERYWHERE = {"qemu64", "qemu32", "kvm64", "kvm32", "max"}


def check(p: Preflight) -> Iterator[Concern]:
    if p.source is None or p.plan.strategy is not Strategy.LIVE or p.source.cpu.mode == "host-passthrough":
        return
    cpu = p.source.cpu
    if cpu.mode not in (None, "custom", "host-model", "maximum"):
        yield unknown(
            ID,
            _LABEL,
            what=f"what the CPU mode '{cpu.mode}' of machine '{p.plan.name}' asks of a host",
            do="Give the machine a named CPU model, or choose the strategy 'cold'.",
        )
        return
    here, there = p.source_host.cpu_model, p.target_host.cpu_model
    bound = cpu.mode in ("host-model", "maximum") or (cpu.model is not None and cpu.model not in _EVERYWHERE)
    if bound and (here is None or there is None):
        silent = p.source_host.name if here is None else p.target_host.name
        yield unknown(
            ID,
            _LABEL,
            what=f"which CPU {silent} has, and so whether it can run '{p.plan.name}' as it runs now",
            do="Check the hypervisor's service there, or choose the strategy 'cold'.",
        )
    elif bound and here != there:
        yield warning(
            ID,
            _LABEL,
            found=f"The running machine '{p.plan.name}' takes its CPU model ({cpu.model or cpu.mode}) along; "
            f"{p.source_host.name} has {here}, {p.target_host.name} {there}.",
            why="The target's hypervisor compares every feature and refuses the move where one is missing; "
            "the machine then goes on running at the source.",
            do="Choose a model that both have, or the strategy 'cold'.",
        )

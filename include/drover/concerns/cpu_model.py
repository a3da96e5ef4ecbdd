"""The target cannot give the machine its CPU, or a running guest takes one along that another host may not have."""

from collections.abc import Iterator

from drover.concerns.finding import critical, unknown, warning
from drover.concerns.preflight import Preflight, device_kind
from drover.model import Concern, Cpu, Strategy

ID = "cpu.model"
WAIVABLE = False

_LABEL = "CPU model"
# Emulated everywhere, or not bound to a host's CPU.
_EVERYWHERE = {"qemu64", "qemu32", "kvm64", "kvm32", "max"}


def check(p: Preflight) -> Iterator[Concern]:
    yield from _compared(p)
    yield from _by_hand(p)
    if p.source is not None and p.plan.strategy is Strategy.LIVE and p.source.cpu.mode != "host-passthrough":
        yield from _taken_along(p, p.source.cpu)


def _compared(p: Preflight) -> Iterator[Concern]:
    """What the target itself says, when it compares what the machine asks for with what it has."""
    for word in p.translated.devices if p.translated else ():
        kind, _, what = word.partition(" ")
        if device_kind(word) == "cpu-missing":
            yield critical(
                ID,
                "CPU that the target does not have",
                found=f"Machine '{p.plan.name}' asks for a CPU that {p.target_host.name} cannot give it: it lacks "
                f"{what}.",
                why="The hypervisor would refuse to start the machine there.",
                do="Take what is missing out of the machine's definition at the source, or choose another target.",
            )
        elif kind == "cpu-not-compared":
            yield unknown(
                ID,
                _LABEL,
                what=f"whether {p.target_host.name} has the CPU that machine '{p.plan.name}' asks for ({what})",
                do="Give the machine a CPU model that the target's libvirt knows, or choose another target.",
            )


def _by_hand(p: Preflight) -> Iterator[Concern]:
    wanted = [name for name in p.source.cpu.features if not name.startswith("-")] if p.source else []
    if wanted and p.to_another_kind:
        yield warning(
            ID,
            "CPU features asked for by hand",
            found=f"Machine '{p.plan.name}' asks for the CPU features {', '.join(wanted)}; nobody compared them with "
            f"what {p.target_host.name} shows its guests.",
            why="What was built for them ends at the first instruction that is missing.",
            do="Make sure that the target's processors have them, or rehearse the move first.",
        )


def _taken_along(p: Preflight, cpu: Cpu) -> Iterator[Concern]:
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

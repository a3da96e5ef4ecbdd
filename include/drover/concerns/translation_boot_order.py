"""The machine would try its devices in another order when it boots."""

from collections.abc import Iterator

from drover.concerns.finding import critical
from drover.concerns.preflight import Preflight
from drover.model import Concern, VirtualMachine

ID = "translation.boot_order"
WAIVABLE = True


def check(p: Preflight) -> Iterator[Concern]:
    if p.source is None or p.translated is None or not p.source.boot_order:
        return  # Without an order of its own it boots from its first disk everywhere.
    before, after = _places(p.source), _places(p.translated)
    if before != after:
        yield critical(
            ID,
            "Another boot order",
            found=f"Machine '{p.plan.name}' boots from {', '.join(before)}; at the target from {_words(after)}.",
            why="It may start something else than its system, an installer on the network for one.",
            do="Give it an order at the source that both can keep, disks and adapters only.",
        )


def _places(machine: VirtualMachine) -> list[str]:
    """By place, since the two ends have other names for a disk."""
    # libvirt's old way names a kind, and means the first of it.
    known = {kind: f"{what} 1" for kind, what in (("hd", "disk"), ("network", "network adapter"))}
    known |= {disk.name: f"disk {place}" for place, disk in enumerate(machine.disks, 1)}
    known |= {nic.mac: f"network adapter {place}" for place, nic in enumerate(machine.nics, 1)}
    return [known.get(name, name) for name in machine.boot_order]


def _words(places: list[str]) -> str:
    return ", ".join(places) or "what comes first"

"""CPUs or memory may be added to the machine while it runs."""

from collections.abc import Iterator

from drover.concerns.finding import warning
from drover.concerns.preflight import Preflight
from drover.model import Concern, Strategy

ID = "machine.hotplug"
WAIVABLE = False
KINDS = frozenset({"hotplug"})


def check(p: Preflight) -> Iterator[Concern]:
    """A libvirt machine that stays one keeps its definition, and a live move keeps it all."""
    kept = p.keeps_definition or (not p.to_another_kind and p.plan.strategy is Strategy.LIVE)
    what = [device.partition(" ")[2] or device for device in p.devices(KINDS)]
    if what and not kept:
        yield warning(
            ID,
            "More could be added while it runs",
            found=f"Machine '{p.plan.name}' lets {' and '.join(what)} be added while it runs.",
            why="That stays behind: at the target it must be shut down to get more.",
            do="Turn it on again at the target while the machine is off, where somebody counts on it.",
        )

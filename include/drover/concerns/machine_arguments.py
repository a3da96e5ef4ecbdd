"""The hypervisor is given arguments by hand for the machine."""

from collections.abc import Iterator

from drover.concerns.finding import critical
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "machine.arguments"
WAIVABLE = True
KINDS = frozenset({"hypervisor-arguments"})


def check(p: Preflight) -> Iterator[Concern]:
    what = sorted(device.partition(" ")[2] for device in p.devices(KINDS))
    if what:
        left = "They stay behind" if not p.keeps_definition else "They go along as they are"
        yield critical(
            ID,
            "Arguments by hand",
            found=f"QEMU is given something by hand for machine '{p.plan.name}' ({', '.join(what)}).",
            why=f"{left}, and nobody can tell what is in them: a disk or a path of the host that they name is neither "
            "backed up nor moved.",
            do="Say the same with libvirt's own elements, or waive this if the machine needs nothing of it there.",
        )

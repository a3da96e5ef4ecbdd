"""The target does not know the machine's type."""

from collections.abc import Iterator

from drover.concerns.finding import critical, unknown
from drover.concerns.preflight import Preflight
from drover.model import Concern, Strategy

ID = "host.machine_type"
WAIVABLE = False

_LABEL = "Machine type unknown at the target"


def check(p: Preflight) -> Iterator[Concern]:
    if p.source is None or p.source.hypervisor != p.target_host.hypervisor:
        return
    wanted, known = p.source.machine_type, p.target_host.machine_types
    if wanted is None and p.plan.strategy is not Strategy.LIVE:
        return
    if wanted is None or not known:
        yield unknown(
            ID,
            _LABEL,
            what=f"whether {p.target_host.name} has the machine type of '{p.plan.name}' ({wanted or 'not named'})",
            do="Name the machine's type in its definition, and check the target's hypervisor.",
        )
    elif wanted not in known:
        yield critical(
            ID,
            _LABEL,
            found=f"Machine '{p.plan.name}' is of the type {wanted}, which {p.target_host.name} does not know.",
            why="The type says how the guest sees its hardware; a host that lacks it cannot run the machine.",
            do="Bring the target to the source's version of QEMU, or give the machine an older type.",
        )

"""An adapter of a Hyper-V machine may go past the switch, straight to the host's network card."""

from collections.abc import Iterator

from drover.concerns.finding import warning
from drover.concerns.preflight import Preflight
from drover.model import Concern, Strategy

ID = "nic.sriov"
WAIVABLE = False
# Where the guest has nothing but the card, it is a device passed through, which is another concern.
KINDS = frozenset({"sriov"})


def check(p: Preflight) -> Iterator[Concern]:
    """A live move takes the setting along, and falls back to the switch by itself."""
    if p.plan.strategy is Strategy.LIVE:
        return
    for device in p.devices(KINDS):
        yield warning(
            ID,
            "SR-IOV",
            found=f"Machine '{p.plan.name}' has an adapter with SR-IOV ({device}).",
            why="At the target its packets go through the virtual switch, which is slower and takes CPU time.",
            do="Turn it on again at the target after the move (Set-VMNetworkAdapter -IovWeight), where it is needed.",
        )

"""The platform shuts a guest down through tools in it, which do not run."""

from collections.abc import Iterator

from drover.concerns.finding import critical, unknown
from drover.concerns.preflight import Preflight
from drover.model import Concern, PowerState, Strategy

ID = "guest.tools"
WAIVABLE = True

_LABEL = "Guest tools do not run"
# These ask a guest to shut down through their tools alone; libvirt presses the power button.
_NEEDED = ("vsphere", "hyperv")


def check(p: Preflight) -> Iterator[Concern]:
    vm = p.source
    if vm is None or vm.hypervisor not in _NEEDED or p.plan.strategy is Strategy.LIVE:
        return
    if vm.state is not PowerState.RUNNING or vm.guest_tools == "running":
        return
    do = "Start or install them in the guest, or shut the machine down from inside before the wave."
    if vm.guest_tools is None:
        yield unknown(ID, _LABEL, what=f"whether the guest tools of machine '{vm.name}' run", do=do)
    else:
        yield critical(
            ID,
            _LABEL,
            found=f"The guest tools of machine '{vm.name}' are {vm.guest_tools}.",
            why="The platform asks a guest through them to shut down; without them the move gives up after "
            f"{p.plan.shutdown_deadline:g} s, for a machine is never switched off.",
            do=do,
        )

"""The machine is to be shut down, and does not listen to the request."""

from collections.abc import Iterator
from xml.etree import ElementTree

from drover.concerns.finding import unknown, warning
from drover.concerns.preflight import Preflight
from drover.model import Concern, PowerState, Strategy

ID = "machine.shutdown"
WAIVABLE = False

_LABEL = "May not shut down when asked"


def check(p: Preflight) -> Iterator[Concern]:
    vm = p.source
    if vm is None or vm.state is not PowerState.RUNNING or p.plan.strategy is Strategy.LIVE:
        return
    if vm.hypervisor != "libvirt":
        return
    try:
        features = ElementTree.fromstring(vm.native).find("features")
    except ElementTree.ParseError:
        yield unknown(
            ID, _LABEL, what=f"the definition of machine '{vm.name}'", do="Check it at the source (virsh dumpxml)."
        )
        return
    if features is None or features.find("acpi") is None:
        yield warning(
            ID,
            _LABEL,
            found=f"Machine '{vm.name}' is defined without ACPI.",
            why=f"It cannot hear that it is to shut down; after {p.plan.shutdown_deadline:g} s the move gives up, "
            "with the machine still running at the source.",
            do="Add <acpi/> to its features, or shut it down from inside before the wave.",
        )

"""Something that no move may change would be another at the target."""

from collections.abc import Iterator

from drover.concerns.finding import critical
from drover.concerns.preflight import Preflight
from drover.model import Concern, VirtualMachine

ID = "translation.kept"
WAIVABLE = False


def check(p: Preflight) -> Iterator[Concern]:
    if p.source is None or p.translated is None:
        return
    before, after = _kept(p.source), _kept(p.translated)
    for what, value in before.items():
        if after[what] != value:
            yield critical(
                ID,
                "The target would change what must stay",
                found=f"{p.target_host.name} would give machine '{p.plan.name}' another {what}: "
                f"{after[what]} instead of {value}.",
                why="A guest that finds another identity, or less of anything, does not work as before.",
                do="Give the machine a value that the target can keep, or choose another target.",
            )


def _kept(machine: VirtualMachine) -> dict[str, str]:
    return {
        "name": machine.name,
        "UUID": machine.uuid.lower(),
        "number of CPUs": str(machine.cpu.count),
        "memory": f"{machine.memory} bytes",
        "firmware": machine.firmware.value,
        "sequence of disk sizes": ", ".join(str(disk.size) for disk in machine.disks) or "none",
        "sequence of MAC addresses": ", ".join(nic.mac for nic in machine.nics) or "none",
    }

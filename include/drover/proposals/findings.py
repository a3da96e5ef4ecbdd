"""What the concerns say of a machine of which only a list is known: the same that they say when the wave is planned."""

from collections.abc import Iterable

from drover.concerns.catalogue import modules
from drover.concerns.finding import UnknownConcern
from drover.concerns.preflight import FolderFacts, HostFacts, Preflight
from drover.model import Concern, Host, Strategy, VirtualMachine
from drover.proposals.candidate import Candidate, Key
from drover.waves.schema import Wave

# Those that look at the source's machine alone, and at facts that a list may tell.
ASKED = frozenset(
    {
        "cluster.rules",
        "device.media",
        "device.passthrough",
        "disk.independent",
        "disk.nonpersistent",
        "disk.raw_mapping",
        "disk.shared",
        "guest.tools",
        "machine.ambiguous",
        "machine.consolidation",
        "machine.fault_tolerant",
        "machine.power_state",
        "machine.snapshots",
        "machine.template",
        "machine.unreachable",
    }
)


class Neighbours:
    """The machines that one may share a name or a disk with, so that nobody looks through all for each."""

    def __init__(self, candidates: Iterable[Candidate]) -> None:
        self._named: dict[Key, list[VirtualMachine]] = {}
        self._on: dict[tuple[str, str], list[VirtualMachine]] = {}
        for each in candidates:
            self._named.setdefault(each.key, []).append(each.machine)
            for disk in each.machine.disks:
                self._on.setdefault((each.place, disk.path), []).append(each.machine)

    def of(self, candidate: Candidate) -> tuple[VirtualMachine, ...]:
        near = list(self._named[candidate.key])
        for disk in candidate.machine.disks:
            near += [one for one in self._on[candidate.place, disk.path] if not any(one is other for other in near)]
        return tuple(near)


def findings(candidate: Candidate, strategy: Strategy, neighbours: Neighbours) -> list[Concern]:
    """In the order of the ids. What the list does not tell of guest tools is left to the plan, which asks."""
    machine = candidate.machine
    plan = {"name": machine.name, "strategy": strategy.value}
    ends = {"source": "source", "target": "target"}
    wave = Wave.model_validate({"wave": "proposed", **ends, "backup": {"folder": "/"}, "machines": [plan]})
    host = Host(machine.host, machine.hypervisor, "", 0, None, 0, 0, 0.0)
    p = Preflight(
        wave=wave,
        plan=wave.machines[0],
        source=machine,
        source_facts=HostFacts(host, (0.0, 0.0), neighbours.of(candidate), (), ()),
        target_facts=HostFacts(host, (0.0, 0.0), (), (), ()),
        backup_folder=FolderFacts("/", True, None),
        now=0.0,
    )
    found = [concern for module in modules() if module.ID in ASKED for concern in module.check(p)]
    return [each for each in found if not (isinstance(each, UnknownConcern) and each.id == "guest.tools")]

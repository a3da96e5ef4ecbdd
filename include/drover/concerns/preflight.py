"""What the concerns look at: one machine, both ends and the wave it belongs to, as they are now. Plain values only."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from drover.hypervisors.connection import ConnectionSpec
from drover.hypervisors.port import LiveObstacle
from drover.hypervisors.reach import OutOfReach
from drover.model import Disk, Host, Network, Nic, Ownership, StoragePool, VirtualMachine
from drover.waves.fit import Fit
from drover.waves.schema import MachinePlan, Mappings, Wave


@dataclass(frozen=True, slots=True)
class HostFacts:
    """One hypervisor host, asked once.

    :param asked: our clock before and after the host was asked for its own, seconds since the epoch.
    :param hosts: each host behind the connection.
    :param takes_along: whether its own live moves take a machine away from here; None where it has none.
    :param measures: which figures of what a machine uses it tells (`drover.hypervisors.counters`).
    :param out_of_reach: why the disks of its machines cannot be reached from here; None where they can.
    """

    host: Host
    asked: tuple[float, float]
    machines: tuple[VirtualMachine, ...]
    networks: tuple[Network, ...]
    pools: tuple[StoragePool, ...]
    hosts: tuple[Host, ...] = ()
    takes_along: bool | None = None
    measures: frozenset[str] = frozenset()
    out_of_reach: OutOfReach | None = None


@dataclass(frozen=True, slots=True)
class FolderFacts:
    """The backup folder, seen from here. :param free: bytes; None where it cannot be told.

    :param store: why the object store, for which this is only the staging folder, cannot be used; None where it can.
    """

    path: str
    writable: bool
    free: int | None
    store: str | None = None


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """The last rehearsal of the machine that passed.

    :param at: when, seconds since the epoch; None where nobody can tell.
    :param settings: a digest of what it rested on; `now` is that of what the wave says now.
    """

    at: float | None
    settings: str
    now: str


@dataclass(frozen=True, slots=True)
class Preflight:
    """Everything about one machine's move that can be known before it begins.

    :param source: the machine; None where the source hypervisor knows no such machine.
    :param companions: every machine of the wave that could be found and goes to the same target, this one included,
        with its plan. :param elsewhere: those that go to other targets.
    :param translated: what the target would make of the machine; None where it cannot, or nobody asked.
    :param refusal: why it cannot make it, in its words.
    :param live_obstacles: what the platform's own check says against the live move.
    :param connections: the connections that this move uses, by id; None for one that there is not.
    :param now: our clock, seconds since the epoch.
    :param backed_up: the machines whose backup this run has made already.
    :param rehearsed: None where none has passed.
    :param writes: bytes a second that the machine was seen to write to its disks; None where nobody looked or knows.
    :param fit: whether the wave fits into its window; None where it has none, or nobody could tell.
    """

    wave: Wave
    plan: MachinePlan
    source: VirtualMachine | None
    source_facts: HostFacts
    target_facts: HostFacts
    backup_folder: FolderFacts
    now: float
    companions: tuple[tuple[MachinePlan, VirtualMachine], ...] = ()
    elsewhere: tuple[tuple[MachinePlan, VirtualMachine], ...] = ()
    connections: Mapping[str, ConnectionSpec | None] = field(default_factory=dict, repr=False)
    backed_up: frozenset[str] = frozenset()
    translated: VirtualMachine | None = None
    refusal: str | None = None
    live_obstacles: tuple[LiveObstacle, ...] = ()
    rehearsed: Rehearsed | None = None
    writes: float | None = None
    fit: Fit | None = None

    @property
    def mappings(self) -> Mappings:
        return self.wave.mappings_of(self.plan)

    @property
    def source_host(self) -> Host:
        return self.source_facts.host

    @property
    def target_host(self) -> Host:
        return self.target_facts.host

    @property
    def target_networks(self) -> tuple[Network, ...]:
        return self.target_facts.networks

    @property
    def target_pools(self) -> tuple[StoragePool, ...]:
        return self.target_facts.pools

    @property
    def target_machines(self) -> tuple[VirtualMachine, ...]:
        """Without the machine itself, where one manager is both ends."""
        machines = self.target_facts.machines
        return tuple(one for one in machines if not self._is_source(one)) if self.one_manager else machines

    def _is_source(self, machine: VirtualMachine) -> bool:
        """Read twice, it need not be the same to the last byte: how much its disks take up grows."""
        here = self.source
        return here is not None and (machine.id, machine.uuid, machine.name) == (here.id, here.uuid, here.name)

    @property
    def one_manager(self) -> bool:
        """Whether both ends lead to one manager, by one connection or by two: the machine stays behind it."""
        if self.wave.source_of(self.plan) == self.wave.target_of(self.plan):
            return True
        return self.source_host.id is not None and self.source_host.id == self.target_host.id

    @property
    def to_another_kind(self) -> bool:
        return self.source is not None and self.source.hypervisor != self.target_host.hypervisor

    @property
    def keeps_definition(self) -> bool:
        """Between libvirt hosts the very definition moves, and with it what no neutral field knows of."""
        return not self.to_another_kind and self.target_host.hypervisor == "libvirt"

    @property
    def disks(self) -> tuple[Disk, ...]:
        return self.source.disks if self.source else ()

    @property
    def nics(self) -> tuple[Nic, ...]:
        return self.source.nics if self.source else ()

    def made_by(self, machine: VirtualMachine) -> Ownership | None:
        """The tag of a machine at the target that an earlier try of this very move left there."""
        tag = machine.ownership
        if tag is None or self.source is None:
            return None
        ours = Ownership(self.wave.wave, tag.run, self.plan.name, self.source.uuid, tag.role)
        return tag if tag.same_machine(ours) else None

    @property
    def strangers(self) -> tuple[VirtualMachine, ...]:
        """The target's machines that no try of this move made."""
        return tuple(machine for machine in self.target_machines if self.made_by(machine) is None)

    def devices(self, kinds: frozenset[str]) -> tuple[str, ...]:
        """The machine's devices of these kinds, as the hypervisor tells them."""
        return tuple(device for device in (self.source.devices if self.source else ()) if device_kind(device) in kinds)


def device_kind(device: str) -> str:
    """`hostdev` of `hostdev:0000:01:00.0` or `hostdev 0000:01:00.0`."""
    return device.replace(":", " ").split(" ", 1)[0].lower()

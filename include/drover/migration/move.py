"""One machine on its way: what every stage of a migration is given."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from drover.errors import BadInputError, OperatorNeededError
from drover.evidence.store import MachineStore, RunStore
from drover.hypervisors import registry
from drover.hypervisors.connection import ConnectionSpec
from drover.hypervisors.port import Hypervisor, TargetSettings
from drover.model import Ownership, VirtualMachine, from_json, to_json
from drover.waves.schema import MachinePlan, Wave

Resolver = Callable[[str], ConnectionSpec]

_MACHINE_FILE = "machine.json"


class Move:
    """A machine of a wave in one run, with both hypervisors at hand.

    Each hypervisor is connected when it is first used: a rollback must work while the target host is gone.
    """

    def __init__(
        self, wave: Wave, plan: MachinePlan, run: str, resolve: Resolver, root: Path, stack: ExitStack
    ) -> None:
        self.wave = wave
        self.plan = plan
        self.run = run
        self.resolve = resolve
        self.root = root
        self.store: MachineStore = RunStore(root, wave.wave, run).machine(plan.name)
        # Set while `drover.migration.alone` holds the machine for this very object.
        self.alone = False
        self._stack = stack

    @cached_property
    def source(self) -> Hypervisor:
        return self._connect(self.wave.source_of(self.plan))

    @cached_property
    def target(self) -> Hypervisor:
        return self._connect(self.wave.target_of(self.plan))

    def _connect(self, conn_id: str) -> Hypervisor:
        reader = f"{self.wave.wave}/{self.run}/{self.name}"
        return self._stack.enter_context(registry.connect(replace(self.resolve(conn_id), reader=reader)))

    @property
    def name(self) -> str:
        return self.plan.name

    @property
    def machine(self) -> VirtualMachine:
        """The machine as it was at the source before anything was done to it."""
        found = remembered(self.store)
        if found is None:
            raise OperatorNeededError(
                f"The inventory of machine '{self.name}' in this run is missing.",
                remedy="Run the inventory task of this machine first.",
            )
        return found

    def remember(self, machine: VirtualMachine) -> None:
        """Keeps the machine as inventory saw it; later stages restore from it, so it is written only before any."""
        self.store.write_json(_MACHINE_FILE, to_json(machine))

    @property
    def owner(self) -> Ownership:
        return self.owner_as("target")

    def owner_as(self, role: str) -> Ownership:
        return Ownership(self.wave.wave, self.run, self.name, self.machine.uuid, role)

    @property
    def settings(self) -> TargetSettings:
        places = self.wave.mappings_of(self.plan)
        return TargetSettings(
            networks=dict(places.networks), storage=dict(places.storage), owner=self.owner, host=places.host
        )

    def owns(self, machine: VirtualMachine | None) -> bool:
        """Whether this machine at the target was made for this move: same wave, machine and source UUID."""
        tag = machine.ownership if machine else None
        return tag is not None and tag.same_machine(self.owner)


def remembered(store: MachineStore) -> VirtualMachine | None:
    """The machine as a run's inventory saw it; None where it did not come that far."""
    found = store.read_json(_MACHINE_FILE)
    return None if found is None else from_json(VirtualMachine, found)


@contextmanager
def open_move(wave: Wave, key: str, run: str, resolve: Resolver, root: Path) -> Iterator[Move]:
    """The move of the machine with this key (`MachinePlan.key`); leaving it closes all connections.

    :raises BadInputError: the wave has no such machine.
    """
    plan = next((machine for machine in wave.machines if machine.key == key), None)
    if plan is None:
        raise BadInputError(
            f"The wave '{wave.wave}' has no machine '{key}'.",
            remedy="The wave file changed since the run began; trigger the wave anew.",
        )
    with ExitStack() as stack:
        yield Move(wave, plan, run, resolve, root, stack)

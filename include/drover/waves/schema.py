"""What a wave file says, checked. Reading one with lines and all its mistakes is `drover.waves.loader`'s business.

Light on purpose: every DAG file imports this when it is parsed.
"""

from typing import Annotated, Literal, Self, TypeVar

from pydantic import BaseModel, Field, StrictBool, StrictInt, StringConstraints, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from drover.model import Strategy
from drover.waves import cron, names, rules
from drover.waves.backup_plan import BackupPlan
from drover.waves.checks import Check
from drover.waves.parts import Bandwidth, ConnectionId, Duration, Part, Period, Text, told
from drover.waves.performance import PerformancePlan
from drover.waves.window import Window

P = TypeVar("P", bound=BaseModel)

AtOnce = Annotated[StrictInt, Field(ge=1, le=1000)]


def _pattern_problem(pattern: str) -> str | None:
    return None if pattern.startswith("/") else f"'{pattern}' is not absolute: expected a path in the guest, from '/'"


def _waiver_problem(concern: str) -> str | None:
    from drover.concerns.catalogue import waiver_problem

    return waiver_problem(concern)


class Mappings(Part):
    """What is called how at the target: by the source's name."""

    networks: dict[Text, Text] = Field(default_factory=dict, description="Source network: target network.")
    storage: dict[Text, Text] = Field(default_factory=dict, description="Source storage pool: target storage pool.")
    host: Text | None = Field(
        default=None, description="Host or cluster behind the target; where it has only one, leave it out."
    )
    test_network: Text | None = Field(
        default=None, description="An isolated network at the target, where trial boots happen."
    )


class GuestFiles(Part):
    changing: tuple[Annotated[Text, told(_pattern_problem)], ...] = Field(
        default=(), description="Live only: files that a running guest may change while it moves, as glob patterns."
    )


class Waiver(Part):
    """A Critical concern that a person accepts: it becomes a Warning that quotes the reason."""

    id: Annotated[Text, told(_waiver_problem)]
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=8, max_length=1000)]


class ApprovalPlan(Part):
    """The cutover waits until a person says yes."""

    approvers: tuple[Text, ...] = Field(
        default=(), description="Ids of Airflow users; without any, whoever may answer for the DAG."
    )
    deadline: Duration = Field(
        default=4 * 3600.0,
        description="How long an answer is waited for.",
        json_schema_extra={"default": "4 h"},
    )
    default: Literal["roll back", "postpone"] = Field(
        default="roll back", description="What happens at the deadline when nobody has answered."
    )


class Limits(Part):
    """How many machines may be backed up or moved at the same time, whichever wave they are of."""

    host: AtOnce | None = Field(default=None, description="On each host, whether they leave it or come to it.")
    storage: AtOnce | None = Field(default=None, description="In each storage pool.")
    link: AtOnce | None = Field(default=None, description="From one connection to another.")


class MachinePlan(Part):
    """One machine and how it moves."""

    name: Annotated[str, StringConstraints(max_length=200), told(names.problem)] = Field(
        description="As the source hypervisor calls it."
    )
    strategy: Annotated[Strategy, WithJsonSchema({"enum": ["cold", "live"]})]
    after: tuple[Text, ...] = Field(default=(), description="Machines of this wave that must have arrived before.")
    source: ConnectionId | None = Field(default=None, description="Instead of the wave's source.")
    target: ConnectionId | None = Field(default=None, description="Instead of the wave's target.")
    mappings: Mappings = Field(
        default=Mappings(), description="Laid over the wave's: what is not named here is as the wave says."
    )
    shutdown_deadline: Duration = Field(
        default=120.0,
        description="How long the guest may take to shut down when asked.",
        json_schema_extra={"default": "120 s"},
    )
    boot_deadline: Duration = Field(
        default=120.0,
        description="How long the guest may take to answer its checks after it was started.",
        json_schema_extra={"default": "120 s"},
    )
    checks: tuple[Check, ...] = Field(default=(), description="What proves that the application works.")
    compare_at_switchover: StrictBool = Field(
        default=False, description="Live only: pause at the switch-over and compare all disks block by block."
    )
    approval: ApprovalPlan | None = Field(default=None, description="Instead of the wave's.")
    guest_files: GuestFiles = GuestFiles()
    waive: tuple[Waiver, ...] = Field(default=(), description="Critical concerns that a person accepts.")

    @property
    def key(self) -> str:
        """A safe and unique name for task groups and folders: [A-Za-z0-9_-]."""
        return names.key(self.name)

    @model_validator(mode="after")
    def _fits_strategy(self) -> Self:
        return _refuse(self, rules.machine_faults(self.model_dump(mode="json")))


class RehearsalPolicy(Part):
    """A machine is not moved without a passed rehearsal."""

    required: Period = Field(description="How old the last passed rehearsal of each machine may be.")


class DecommissionPlan(Part):
    """What must be before the sources that this wave leaves behind may be removed, whatever the form says."""

    waiting: Period | None = Field(
        default=None, description="How long ago the commit must be at least; the form can only say longer."
    )
    approvers: tuple[Text, ...] = Field(
        default=(), description="Ids of Airflow users whose yes counts; without any, whoever may answer for the DAG."
    )


class Wave(Part):
    """One wave file. `bandwidth` is bytes a second, for all that moves at once; None where nothing limits it."""

    wave: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]+$", max_length=100)] = Field(
        description="Its name; it becomes the DAG wave_<name>."
    )
    description: str = ""
    reason: Literal["retired", "slow", "maintenance", "closing"] | None = Field(
        None, description="Why the machines leave their site."
    )
    source: ConnectionId = Field(description="Airflow connection of the source hypervisor.")
    target: ConnectionId = Field(description="Airflow connection of the target hypervisor.")
    schedule: Annotated[Text, told(cron.problem)] | None = Field(
        default=None, description="Cron, by the clocks of the window or UTC; by hand where not given."
    )
    bandwidth: Bandwidth | None = Field(default=None, description="What the machines that move at the same time share.")
    window: Window | None = Field(default=None, description="Machines go down only inside of it; without it, any time.")
    limits: Limits = Limits()
    mappings: Mappings = Mappings()
    mode: Literal["real", "rehearsal"] = Field(
        default="real", description="A rehearsal makes, compares, tries and removes; the sources go on running."
    )
    rehearsal: RehearsalPolicy | None = Field(
        default=None, description="Where it is given, no machine is moved without a passed rehearsal."
    )
    on_failure: Literal["stay", "take back"] = Field(
        default="stay", description="What machines that are committed do when another one of the wave is not moved."
    )
    approval: ApprovalPlan | None = Field(
        default=None, description="Where it is given, each cutover waits for a person's yes."
    )
    performance: PerformancePlan | None = Field(
        default=None, description="Where it is given, each machine is measured before its move and after it."
    )
    decommission: DecommissionPlan = DecommissionPlan()
    backup: BackupPlan = Field(description="Each machine is backed up before it moves, and the backup verified.")
    machines: Annotated[tuple[MachinePlan, ...], Field(min_length=1)] = Field(description="At least one machine.")

    def source_of(self, machine: MachinePlan) -> str:
        """The connection id of the hypervisor that this machine leaves."""
        return machine.source or self.source

    def target_of(self, machine: MachinePlan) -> str:
        """The connection id of the hypervisor that this machine goes to."""
        return machine.target or self.target

    def approval_of(self, machine: MachinePlan) -> ApprovalPlan | None:
        """How a person is asked before this machine's cutover; None where nobody is."""
        return machine.approval or self.approval

    def mappings_of(self, machine: MachinePlan) -> Mappings:
        """The wave's mappings with this machine's own laid over them."""
        wave, own = self.mappings, machine.mappings
        return Mappings(
            networks=wave.networks | own.networks,
            storage=wave.storage | own.storage,
            test_network=own.test_network or wave.test_network,
            host=own.host or wave.host,
        )

    def machine(self, name: str) -> MachinePlan:
        """:raises KeyError: the wave has no machine of this name."""
        return next(machine for machine in self.machines if machine.name == name)

    @model_validator(mode="after")
    def _machines_fit(self) -> Self:
        return _refuse(self, rules.wave_faults(self.model_dump(mode="json")))


def _refuse(part: P, faults: list[rules.Fault]) -> P:
    if faults:
        words = "; ".join(fault.problem for fault in faults)
        raise PydanticCustomError(rules.ERROR_TYPE, "{words}", {"words": words})
    return part

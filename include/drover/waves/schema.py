"""What a wave file says, checked. Reading one with lines and all its mistakes is `drover.waves.loader`'s business.

Light on purpose: every DAG file imports this when it is parsed.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PlainSerializer,
    StrictBool,
    StrictInt,
    StringConstraints,
    Tag,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from drover.model import Strategy
from drover.waves import cron, names, rules, units

CHECKS = ("http", "tcp", "command")
P = TypeVar("P", bound=BaseModel)


def _told(problem: Callable[[str], str | None]) -> AfterValidator:
    """A check that answers with what is wrong, in words."""

    def check(value: str) -> str:
        if (words := problem(value)) is not None:
            raise PydanticCustomError("told", "{words}", {"words": words})
        return value

    return AfterValidator(check)


def _amount(parse: Callable[[str], float]) -> BeforeValidator:
    def read(value: Any) -> float:
        if not isinstance(value, str):
            raise PydanticCustomError("told", "{words}", {"words": f"{value!r} has no unit: expected text, with one"})
        try:
            return parse(value)
        except ValueError as error:
            raise PydanticCustomError("told", "{words}", {"words": str(error)}) from None

    return BeforeValidator(read)


def _url_problem(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        whole = False
    if not whole:
        return f"'{url}' is not a web address: expected http:// or https://, a host and a path"
    # Law: secrets live in Airflow connections only. The address itself is not repeated here for that reason.
    return "the address holds a login: secrets belong into Airflow connections" if parts.username else None


def _pattern_problem(pattern: str) -> str | None:
    return None if pattern.startswith("/") else f"'{pattern}' is not absolute: expected a path in the guest, from '/'"


def _waiver_problem(concern: str) -> str | None:
    from drover.concerns.catalogue import waiver_problem

    return waiver_problem(concern)


Text = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
ConnectionId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]+$", max_length=200)]
Bandwidth = Annotated[
    int,
    _amount(units.parse_bandwidth),
    PlainSerializer(units.format_bandwidth),
    WithJsonSchema({"type": "string", "pattern": units.pattern(units.BANDWIDTH_UNITS), "examples": ["400 Mbit/s"]}),
]
Duration = Annotated[
    float,
    _amount(units.parse_duration),
    PlainSerializer(units.format_duration),
    WithJsonSchema({"type": "string", "pattern": units.pattern(units.DURATION_UNITS), "examples": ["60 s", "2 min"]}),
]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HttpRequest(_Part):
    """An answer that is expected. `contains` is looked for in the body as it is, without regard to its encoding."""

    url: Annotated[Text, _told(_url_problem)]
    status: Annotated[StrictInt, Field(ge=100, le=599)] = 200
    contains: Text | None = None


class TcpPort(_Part):
    """A port that must take connections."""

    address: Annotated[str, StringConstraints(pattern=r"^[^\s/]+$", max_length=253)]
    port: Annotated[StrictInt, Field(ge=1, le=65535)]


class Command(_Part):
    """A command in the guest: a list of words that no shell reads, over the SSH connection with this id."""

    connection: ConnectionId
    run: Annotated[tuple[Text, ...], Field(min_length=1)]
    exit: Annotated[StrictInt, Field(ge=0, le=255)] = 0


class HttpCheck(_Part):
    http: HttpRequest


class TcpCheck(_Part):
    tcp: TcpPort


class CommandCheck(_Part):
    command: Command


def _kind_of_check(value: Any) -> str | None:
    """The one key that says which check it is."""
    if isinstance(value, dict):
        return next((kind for kind in value if kind in CHECKS), None)
    return next((kind for kind in CHECKS if hasattr(value, kind)), None)


Check = Annotated[
    Annotated[HttpCheck, Tag("http")] | Annotated[TcpCheck, Tag("tcp")] | Annotated[CommandCheck, Tag("command")],
    Discriminator(
        _kind_of_check,
        custom_error_type="told",
        custom_error_message=f"this is no check that is known: expected one key of {', '.join(CHECKS)}",
    ),
]


class Mappings(_Part):
    """What is called how at the target: by the source's name."""

    networks: dict[Text, Text] = Field(default_factory=dict, description="Source network: target network.")
    storage: dict[Text, Text] = Field(default_factory=dict, description="Source storage pool: target storage pool.")
    host: Text | None = Field(
        default=None, description="Host or cluster behind the target; where it has only one, leave it out."
    )
    test_network: Text | None = Field(
        default=None, description="An isolated network at the target, where trial boots happen."
    )


class BackupPlan(_Part):
    folder: Annotated[
        Text, _told(lambda folder: None if folder.startswith("/") else f"'{folder}' is not an absolute path")
    ] = Field(description="Where the worker keeps the verified backups.")


class GuestFiles(_Part):
    changing: tuple[Annotated[Text, _told(_pattern_problem)], ...] = Field(
        default=(), description="Live only: files that a running guest may change while it moves, as glob patterns."
    )


class Waiver(_Part):
    """A Critical concern that a person accepts: it becomes a Warning that quotes the reason."""

    id: Annotated[Text, _told(_waiver_problem)]
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=8, max_length=1000)]


class MachinePlan(_Part):
    """One machine and how it moves."""

    name: Annotated[str, StringConstraints(max_length=200), _told(names.problem)] = Field(
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
    guest_files: GuestFiles = GuestFiles()
    waive: tuple[Waiver, ...] = Field(default=(), description="Critical concerns that a person accepts.")

    @property
    def key(self) -> str:
        """A safe and unique name for task groups and folders: [A-Za-z0-9_-]."""
        return names.key(self.name)

    @model_validator(mode="after")
    def _fits_strategy(self) -> Self:
        return _refuse(self, rules.machine_faults(self.model_dump(mode="json")))


class Wave(_Part):
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
    schedule: Annotated[Text, _told(cron.problem)] | None = Field(
        default=None, description="Cron; by hand where not given."
    )
    bandwidth: Bandwidth | None = Field(default=None, description="What the machines that move at the same time share.")
    mappings: Mappings = Mappings()
    backup: BackupPlan = Field(description="Each machine is backed up before it moves, and the backup verified.")
    machines: Annotated[tuple[MachinePlan, ...], Field(min_length=1)] = Field(description="At least one machine.")

    def source_of(self, machine: MachinePlan) -> str:
        """The connection id of the hypervisor that this machine leaves."""
        return machine.source or self.source

    def target_of(self, machine: MachinePlan) -> str:
        """The connection id of the hypervisor that this machine goes to."""
        return machine.target or self.target

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

"""The port: what every hypervisor does for a migration. libvirt, vSphere and Hyper-V each fulfil it.

All names given to a port are data: they are never put into a shell, an XML or a script as text.
Calls raise `RetryableError` for a connection that drops, `OperatorNeededError` for what a person must mend,
and nothing else of their own. Every call that makes something may be repeated: it finds what it made before.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from drover.blocks.endpoint import Endpoint
from drover.hypervisors.connection import ConnectionSpec
from drover.model import Host, Network, Ownership, PowerState, StoragePool, VirtualMachine


@dataclass(frozen=True, slots=True)
class TargetSettings:
    """How a machine is to be at its new place.

    :param networks: source network name to target network name; a NIC on a network that is not here is refused.
    :param storage: source pool name to target pool name. Disks keep size and order; of the same kind also format, bus.
    :param host: at which of the target's hosts; None where the target decides.
    """

    networks: Mapping[str, str]
    storage: Mapping[str, str]
    owner: Ownership
    host: str | None = None


class LiveState(StrEnum):
    ABSENT = "absent"  # not started, or not any more and nothing is known of it
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class LiveStatus:
    """How a live move is doing. Bytes cover storage and memory together.

    :param downtime: seconds that the guest stood still, known when done; None where the platform does not say.
    :param message: why it failed, in the hypervisor's words.
    """

    state: LiveState
    done: int = 0
    total: int = 0
    downtime: float | None = None
    message: str = ""


class Weight(StrEnum):
    REFUSES = "refuses"
    WARNS = "warns"  # only where the platform itself calls it a warning
    UNASKED = "unasked"  # the platform has no such check: it says what it has to say when the move begins


@dataclass(frozen=True, slots=True)
class LiveObstacle:
    """What a platform's own check says against a live move. It blocks, whatever it is, but for the weights named above.

    :param id: the platform's. :param message: a sentence. :param remedy: None where nobody knows one.
    """

    id: str
    message: str
    remedy: str | None = None
    weight: Weight = Weight.REFUSES

    @property
    def blocks(self) -> bool:
        return self.weight is Weight.REFUSES


class Hypervisor(Protocol):
    """One connection: a hypervisor host, or several behind one manager (vCenter).

    A context manager: leaving it closes every connection and export.
    """

    @property
    def kind(self) -> str: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    # Inventory
    def host(self) -> Host:
        """The whole connection: of several hosts, the name of what manages them, and the sum of the usable ones."""
        ...

    def hosts(self) -> list[Host]:
        """Each host behind the connection; `VirtualMachine.host` names one of them."""
        ...

    def machines(self) -> list[VirtualMachine]: ...
    def machine(self, name: str) -> VirtualMachine:
        """:raises BadInputError: no machine has that name."""
        ...

    def find(self, name: str) -> VirtualMachine | None:
        """The machine, or None where none has that name."""
        ...

    def networks(self) -> list[Network]: ...
    def pools(self) -> list[StoragePool]: ...

    # Power
    def power_state(self, name: str) -> PowerState: ...
    def power_on(self, name: str) -> None:
        """Does nothing where it runs. The caller has checked the other end (law 2)."""
        ...

    def resume(self, name: str) -> None:
        """Lets a paused machine run; does nothing where it runs."""
        ...

    def shut_down(self, name: str, deadline: float) -> None:
        """Asks the guest to shut down and waits; does nothing where it is off.

        :param deadline: seconds.
        :raises OperatorNeededError: it still runs at the deadline; it was not forced.
        """
        ...

    def power_off(self, name: str) -> None:
        """Pulls the plug; does nothing where it is off."""
        ...

    def set_autostart(self, name: str, enabled: bool) -> None: ...

    # Disks
    def read_disks(self, name: str) -> AbstractContextManager[Mapping[str, Endpoint]]:
        """The machine's disks by this hypervisor's name of them, as they are at one moment, read only; running or off.

        A running machine's disks are frozen as of the call (crash-consistent) while the context lasts.
        """
        ...

    def release_disks(self, name: str) -> None:
        """Ends what a killed try left open on the disks, so that the machine can start. Nobody may be reading now."""
        ...

    def write_disks(self, name: str, owner: Ownership) -> AbstractContextManager[Mapping[str, Endpoint]]:
        """The disks of a machine that is off and carries this ownership, to be written.

        :raises OperatorNeededError: it runs, or `owner` did not make it.
        """
        ...

    # Making and removing
    def translated(self, machine: VirtualMachine, settings: TargetSettings) -> VirtualMachine:
        """The machine as this hypervisor will describe it once `define` has made it; changes nothing anywhere.

        Names of disks, bus, controller, models of NICs, networks and pools are the target's; the disks' order and size,
        MACs, memory, CPU count and firmware are the source's. `machine` may be of any kind.

        :raises OperatorNeededError: it cannot be made here at all: a mapping is missing, a setting cannot be kept.
        """
        ...

    def define(self, machine: VirtualMachine, settings: TargetSettings) -> VirtualMachine:
        """Makes exactly what `translated` says: off, autostart off, tagged, with new disks (empty, of the right size).

        The machine it returns lists its disks in the order of the one given.

        Found from an earlier try with the same owner (wave, machine and source UUID), it is kept as it is.

        :raises OperatorNeededError: the name, the UUID or a disk's path is taken by something that Drover did not make;
            a mapping is missing; the pool is full.
        """
        ...

    def remove(self, name: str, owner: Ownership) -> None:
        """Removes the machine and the disks that `define` made for this owner; does nothing where there is none.

        :raises OperatorNeededError: it runs, or it is not this owner's.
        """
        ...

    def tag(self, name: str, owner: Ownership) -> None:
        """Writes the ownership tag on a machine, in place of the one there."""
        ...

    def isolated_trial(self, name: str, network: str, owner: Ownership) -> AbstractContextManager["Trial"]:
        """Boots the machine's disks on an isolated network, on throw-away overlays; the disks stay as they are.

        On leaving, the trial machine and its overlays are gone, also after an error. What an earlier, killed try left
        is removed first. :raises OperatorNeededError: the machine runs, or the network is not isolated.
        """
        ...


@dataclass(frozen=True, slots=True)
class Trial:
    """A trial boot. :param connect: opens a TCP stream to the guest through the host: (address, port, timeout)."""

    name: str
    connect: "Callable[[str, int, float], Stream]"


class Stream(Protocol):
    """The part of a socket that checks need."""

    def sendall(self, data: bytes) -> None: ...
    def recv(self, count: int) -> bytes: ...
    def close(self) -> None: ...


@runtime_checkable
class LiveMover(Protocol):
    """A hypervisor that moves running machines by itself. Moves are started detached: they outlive the caller.

    takes_along: the platform's own live move takes the machine away from the source (vMotion, Move-VM). Afterwards the
    source does not know it (or, behind one manager, it is on another host), and the verified backup is what stays. The
    machine keeps its UUID; the caller tags it once it has arrived. A rollback moves it back the same way, so the target
    is a `LiveMover` too, and `cancel_live` does nothing where the machine has left.
    """

    @property
    def takes_along(self) -> bool: ...
    def start_live(
        self,
        name: str,
        target: "Hypervisor",
        settings: TargetSettings,
        *,
        bandwidth: int | None,
        paused: bool,
    ) -> None:
        """Starts the move of a running machine with its storage, or finds it started; returns once it runs.

        :param bandwidth: bytes a second, None for no limit.
        :param paused: leave the machine paused at the target at the switch-over, so that both disks can be compared.
            Without it the target runs by itself from then on, and carries the role `started`.
        """
        ...

    def live_status(self, name: str, target: "Hypervisor") -> LiveStatus: ...
    def cancel_live(self, name: str) -> None:
        """Ends a move that runs; the source goes on running. Does nothing where none runs."""
        ...


@runtime_checkable
class LiveChecker(Protocol):
    """A hypervisor that can tell beforehand what stands against a live move."""

    def live_obstacles(self, name: str, target: "Hypervisor", settings: TargetSettings) -> Sequence[LiveObstacle]:
        """Changes nothing. :raises OperatorNeededError: the platform cannot even be asked; says why."""
        ...


@dataclass(frozen=True, slots=True)
class Retired:
    """What became of a source that was removed. :param removed: its images. :param left: what was not its alone."""

    removed: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


@runtime_checkable
class Retiring(Protocol):
    """A hypervisor that can remove the source that a committed move left behind. Only a decommission may ask for it."""

    def retire(self, name: str, owner: Ownership) -> Retired:
        """Removes the machine and the disks that are its alone; does nothing where there is none.

        A killed one is repeated by the same call: the definition goes last.

        :param owner: the tag that it must carry, with the role `retiring`.
        :raises OperatorNeededError: it is not off, it carries another tag, or another machine uses one of its disks.
        """
        ...


@runtime_checkable
class TrialEnder(Protocol):
    """A hypervisor whose trials boot the machine itself, so that a killed one leaves it running on the test network."""

    def end_trial(self, name: str, owner: Ownership) -> None:
        """Ends what a killed trial of this owner's machine left, and puts the machine back as it was before; one that
        may have run in production since keeps what it wrote. Does nothing where there is no such trial."""
        ...


# How a hypervisor of a kind is opened. `drover.hypervisors.registry.connect` finds it by `ConnectionSpec.kind`.
Opener = Callable[[ConnectionSpec], Hypervisor]

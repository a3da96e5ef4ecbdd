"""`HypervHypervisor`: the port for a Hyper-V host, each call handed to the module that knows it."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from importlib import import_module
from types import TracebackType
from typing import Any, Self

from drover.blocks.endpoint import Endpoint
from drover.errors import OperatorNeededError
from drover.hypervisors.connection import ConnectionSpec
from drover.hypervisors.counters import Usage
from drover.hypervisors.hyperv.session import Session
from drover.hypervisors.port import Hypervisor, LiveObstacle, LiveStatus, Retired, TargetSettings, Trial
from drover.hypervisors.reach import OutOfReach
from drover.model import Host, Network, Ownership, PowerState, StoragePool, VirtualMachine


def _part(name: str) -> Any:
    return import_module(f"drover.hypervisors.hyperv.{name}")


class HypervHypervisor:
    """One Hyper-V host. :attr session: for this package's own modules."""

    kind = "hyperv"
    takes_along = True

    def __init__(self, spec: ConnectionSpec) -> None:
        self.session = Session(spec)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.session.close()

    # Inventory

    def host(self) -> Host:
        return _part("site").host(self.session)  # type: ignore[no-any-return]

    def hosts(self) -> list[Host]:
        return [self.host()]

    def machines(self) -> list[VirtualMachine]:
        return _part("inventory").machines(self.session)  # type: ignore[no-any-return]

    def machine(self, name: str) -> VirtualMachine:
        return _part("inventory").machine(self.session, name)  # type: ignore[no-any-return]

    def find(self, name: str) -> VirtualMachine | None:
        return _part("inventory").find(self.session, name)  # type: ignore[no-any-return]

    def networks(self) -> list[Network]:
        return _part("site").networks(self.session)  # type: ignore[no-any-return]

    def pools(self) -> list[StoragePool]:
        return _part("site").pools(self.session)  # type: ignore[no-any-return]

    # Power

    def power_state(self, name: str) -> PowerState:
        return _part("power").power_state(self.session, name)  # type: ignore[no-any-return]

    def power_on(self, name: str) -> None:
        _part("power").power_on(self.session, name)

    def resume(self, name: str) -> None:
        _part("power").resume(self.session, name)

    def shut_down(self, name: str, deadline: float) -> None:
        _part("power").shut_down(self.session, name, deadline)

    def power_off(self, name: str) -> None:
        _part("power").power_off(self.session, name)

    def set_autostart(self, name: str, enabled: bool) -> None:
        _part("power").set_autostart(self.session, name, enabled)

    def figures(self) -> frozenset[str]:
        return _part("counters").FIGURES  # type: ignore[no-any-return]

    def usage(self, name: str, seconds: float) -> Usage:
        return _part("counters").usage(self.session, name, seconds)  # type: ignore[no-any-return]

    # Disks

    def disks_out_of_reach(self) -> OutOfReach | None:
        return _part("smb_client").out_of_reach(self.session.spec)  # type: ignore[no-any-return]

    def read_disks(self, name: str) -> AbstractContextManager[Mapping[str, Endpoint]]:
        return _part("disks").read_disks(self.session, self.machine(name))  # type: ignore[no-any-return]

    def release_disks(self, name: str) -> None:
        _part("disks").release(self.session, self.machine(name))

    def write_disks(self, name: str, owner: Ownership) -> AbstractContextManager[Mapping[str, Endpoint]]:
        return _part("disks").write_disks(self.session, self.machine(name), owner)  # type: ignore[no-any-return]

    # Live moves

    def live_obstacles(self, name: str, target: Hypervisor, settings: TargetSettings) -> Sequence[LiveObstacle]:
        return _part("live").obstacles(self.session, self._peer(name, target), name, settings)  # type: ignore[no-any-return]

    def start_live(
        self, name: str, target: Hypervisor, settings: TargetSettings, *, bandwidth: int | None, paused: bool
    ) -> None:
        peer = self._peer(name, target)
        _part("live").start(self.session, peer, name, settings, bandwidth=bandwidth, paused=paused)

    def live_status(self, name: str, target: Hypervisor) -> LiveStatus:
        return _part("live").status(self.session, self._peer(name, target), name)  # type: ignore[no-any-return]

    def cancel_live(self, name: str) -> None:
        _part("live").cancel(self.session, name)

    def _peer(self, name: str, target: Hypervisor) -> Session:
        if not isinstance(target, HypervHypervisor):
            raise OperatorNeededError(
                f"Machine '{name}' cannot be moved live from Hyper-V to {target.kind}.",
                remedy="Use the strategy 'cold' for it.",
            )
        return target.session

    # Making and removing

    def translated(self, machine: VirtualMachine, settings: TargetSettings) -> VirtualMachine:
        return _part("translate").translated(self.session, machine, settings)  # type: ignore[no-any-return]

    def define(self, machine: VirtualMachine, settings: TargetSettings) -> VirtualMachine:
        return _part("define").define(self.session, machine, settings)  # type: ignore[no-any-return]

    def remove(self, name: str, owner: Ownership) -> None:
        _part("trial").clean_up(self.session, name)
        _part("define").remove(self.session, name, owner)

    def retire(self, name: str, owner: Ownership) -> Retired:
        return _part("retire").retire(self.session, name, owner)  # type: ignore[no-any-return]

    def tag(self, name: str, owner: Ownership) -> None:
        _part("tags").tag(self.session, name, owner)

    def isolated_trial(self, name: str, network: str, owner: Ownership) -> AbstractContextManager[Trial]:
        return _part("trial").isolated_trial(self.session, self.machine(name), network, owner)  # type: ignore[no-any-return]

"""`VsphereHypervisor`: the port for a vCenter or an ESXi host, each call handed to the module that knows it."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from importlib import import_module
from types import TracebackType
from typing import Any, Self

from drover.blocks.endpoint import Endpoint
from drover.errors import OperatorNeededError
from drover.hypervisors.connection import ConnectionSpec
from drover.hypervisors.port import Hypervisor, LiveStatus, TargetSettings, Trial
from drover.hypervisors.vsphere.session import Session
from drover.model import Host, Network, Ownership, PowerState, StoragePool, VirtualMachine


def _part(name: str) -> Any:
    return import_module(f"drover.hypervisors.vsphere.{name}")


class VsphereHypervisor:
    """One vCenter, or one ESXi host. :attr session: for this package's own modules."""

    kind = "vsphere"
    # vMotion takes the machine away from the source.
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
        return _part("site").hosts(self.session)  # type: ignore[no-any-return]

    def machines(self) -> list[VirtualMachine]:
        return _part("inventory").machines(self.session)  # type: ignore[no-any-return]

    def machine(self, name: str) -> VirtualMachine:
        return _part("inventory").machine(self.session, name)  # type: ignore[no-any-return]

    def find(self, name: str) -> VirtualMachine | None:
        return _part("inventory").find(self.session, name)  # type: ignore[no-any-return]

    def networks(self) -> list[Network]:
        return _part("networks").networks(self.session)  # type: ignore[no-any-return]

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
        _part("autostart").set_autostart(self.session, name, enabled)

    # Disks

    def read_disks(self, name: str) -> AbstractContextManager[Mapping[str, Endpoint]]:
        return _part("disks_out").read_disks(self.session, self.machine(name))  # type: ignore[no-any-return]

    def release_disks(self, name: str) -> None:
        _part("disks_out").release(self.session, self.machine(name))

    def write_disks(self, name: str, owner: Ownership) -> AbstractContextManager[Mapping[str, Endpoint]]:
        return _part("disks_in").write_disks(self.session, self.machine(name), owner)  # type: ignore[no-any-return]

    # Making and removing

    def translated(self, machine: VirtualMachine, settings: TargetSettings) -> VirtualMachine:
        return _part("translate").translated(self.session, machine, settings)  # type: ignore[no-any-return]

    def define(self, machine: VirtualMachine, settings: TargetSettings) -> VirtualMachine:
        return _part("define").define(self.session, machine, settings)  # type: ignore[no-any-return]

    def remove(self, name: str, owner: Ownership) -> None:
        _part("trial").clean_up(self.session, name)
        _part("define").remove(self.session, name, owner)

    def tag(self, name: str, owner: Ownership) -> None:
        _part("tags").tag(self.session, name, owner)

    def isolated_trial(self, name: str, network: str, owner: Ownership) -> AbstractContextManager[Trial]:
        return _part("trial").isolated_trial(self.session, self.machine(name), network, owner)  # type: ignore[no-any-return]

    # Live moves

    def start_live(
        self, name: str, target: Hypervisor, settings: TargetSettings, *, bandwidth: int | None, paused: bool
    ) -> None:
        _part("live").start(self.session, _peer(target), name, settings, bandwidth=bandwidth, paused=paused)

    def live_status(self, name: str, target: Hypervisor) -> LiveStatus:
        return _part("live").status(self.session, _peer(target), name)  # type: ignore[no-any-return]

    def cancel_live(self, name: str) -> None:
        _part("live").cancel(self.session, name)


def _peer(target: Hypervisor) -> Session:
    if not isinstance(target, VsphereHypervisor):
        raise OperatorNeededError(
            f"A running machine cannot move from vSphere to a {target.kind} host.",
            remedy="Give it the strategy 'cold'.",
        )
    return target.session

"""`VsphereHypervisor`: the port for a vCenter or an ESXi host, each call handed to the module that knows it."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

from drover.blocks.endpoint import Endpoint
from drover.errors import OperatorNeededError
from drover.hypervisors.connection import ConnectionSpec
from drover.hypervisors.counters import Usage
from drover.hypervisors.port import Hypervisor, LiveObstacle, LiveStatus, Retired, TargetSettings, Trial
from drover.hypervisors.vsphere import (
    attached,
    autostart,
    counters,
    define,
    disks_in,
    disks_out,
    inventory,
    live,
    networks,
    power,
    retire,
    site,
    tags,
    translate,
    trial,
)
from drover.hypervisors.vsphere.session import Session
from drover.model import Host, Network, Ownership, PowerState, StoragePool, VirtualMachine


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
        return site.host(self.session)

    def hosts(self) -> list[Host]:
        return site.hosts(self.session)

    def machines(self) -> list[VirtualMachine]:
        return attached.with_tags(self.session, inventory.machines(self.session))

    def machine(self, name: str) -> VirtualMachine:
        return attached.with_tags(self.session, [inventory.machine(self.session, name)])[0]

    def find(self, name: str) -> VirtualMachine | None:
        return inventory.find(self.session, name)

    def networks(self) -> list[Network]:
        return networks.networks(self.session)

    def pools(self) -> list[StoragePool]:
        return site.pools(self.session)

    # Power

    def power_state(self, name: str) -> PowerState:
        return power.power_state(self.session, name)

    def power_on(self, name: str) -> None:
        power.power_on(self.session, name)

    def resume(self, name: str) -> None:
        power.resume(self.session, name)

    def shut_down(self, name: str, deadline: float) -> None:
        power.shut_down(self.session, name, deadline)

    def power_off(self, name: str) -> None:
        power.power_off(self.session, name)

    def set_autostart(self, name: str, enabled: bool) -> None:
        autostart.set_autostart(self.session, name, enabled)

    def figures(self) -> frozenset[str]:
        return counters.FIGURES

    def usage(self, name: str, seconds: float) -> Usage:
        return counters.usage(self.session, name, seconds)

    # Disks

    def read_disks(self, name: str) -> AbstractContextManager[Mapping[str, Endpoint]]:
        return disks_out.read_disks(self.session, inventory.machine(self.session, name))

    def release_disks(self, name: str) -> None:
        disks_out.release(self.session, inventory.machine(self.session, name))

    def write_disks(self, name: str, owner: Ownership) -> AbstractContextManager[Mapping[str, Endpoint]]:
        return disks_in.write_disks(self.session, inventory.machine(self.session, name), owner)

    # Making and removing

    def translated(self, machine: VirtualMachine, settings: TargetSettings) -> VirtualMachine:
        return translate.translated(self.session, machine, settings)

    def define(self, machine: VirtualMachine, settings: TargetSettings) -> VirtualMachine:
        return define.define(self.session, machine, settings)

    def remove(self, name: str, owner: Ownership) -> None:
        define.remove(self.session, name, owner)

    def retire(self, name: str, owner: Ownership) -> Retired:
        return retire.retire(self.session, name, owner)

    def tag(self, name: str, owner: Ownership) -> None:
        tags.tag(self.session, name, owner)

    def isolated_trial(self, name: str, network: str, owner: Ownership) -> AbstractContextManager[Trial]:
        return trial.isolated_trial(self.session, inventory.machine(self.session, name), network, owner)

    def end_trial(self, name: str, owner: Ownership) -> None:
        trial.end(self.session, name, owner)

    # Live moves

    def live_obstacles(self, name: str, target: Hypervisor, settings: TargetSettings) -> list[LiveObstacle]:
        return live.obstacles(self.session, _peer(target), name, settings)

    def start_live(
        self, name: str, target: Hypervisor, settings: TargetSettings, *, bandwidth: int | None, paused: bool
    ) -> None:
        live.start(self.session, _peer(target), name, settings, bandwidth=bandwidth, paused=paused)

    def live_status(self, name: str, target: Hypervisor) -> LiveStatus:
        return live.status(self.session, _peer(target), name)

    def cancel_live(self, name: str) -> None:
        live.cancel(self.session, name)


def _peer(target: Hypervisor) -> Session:
    if not isinstance(target, VsphereHypervisor):
        raise OperatorNeededError(
            f"A running machine cannot move from vSphere to a {target.kind} host.",
            remedy="Give it the strategy 'cold'.",
        )
    return target.session

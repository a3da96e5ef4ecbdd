"""`LibvirtHypervisor`: the port for a KVM host, each call handed to the module that knows it."""

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cached_property
from types import TracebackType
from typing import Self

from drover.blocks.endpoint import Endpoint
from drover.errors import OperatorNeededError
from drover.hypervisors.connection import ConnectionSpec
from drover.hypervisors.counters import ALL, Usage
from drover.hypervisors.libvirt import (
    counters,
    cpu,
    define,
    disks,
    inventory,
    live,
    outcome,
    power,
    retire,
    site,
    trial,
)
from drover.hypervisors.libvirt.connection import Connection
from drover.hypervisors.libvirt.translate import Site
from drover.hypervisors.port import Hypervisor, LiveStatus, Retired, TargetSettings, Trial
from drover.model import Host, Network, Ownership, PowerState, StoragePool, VirtualMachine


class LibvirtHypervisor:
    """One KVM host. :attr connection: for this package's own modules."""

    kind = "libvirt"
    # libvirt leaves the machine defined at the source, off, with its disks.
    takes_along = False

    def __init__(self, spec: ConnectionSpec) -> None:
        self.connection = Connection(spec)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.close()

    # Inventory

    def host(self) -> Host:
        return site.host(self.connection)

    def hosts(self) -> list[Host]:
        return [self.host()]

    def machines(self) -> list[VirtualMachine]:
        with self.connection.errors():
            domains = self.connection.libvirt.listAllDomains(0)
        return sorted(inventory.read(self.connection, domains), key=lambda machine: machine.name)

    def machine(self, name: str) -> VirtualMachine:
        return inventory.read(self.connection, [self.connection.domain(name)])[0]

    def find(self, name: str) -> VirtualMachine | None:
        domain = self.connection.find_domain(name)
        return inventory.read(self.connection, [domain])[0] if domain is not None else None

    def networks(self) -> list[Network]:
        return site.networks(self.connection)

    def pools(self) -> list[StoragePool]:
        return site.pools(self.connection)

    @cached_property
    def _offer(self) -> Site:
        """What the host offers, asked once: a plan asks for many machines, and `define` asks anew."""
        return define.survey(self.connection)

    # Power

    def power_state(self, name: str) -> PowerState:
        return power.power_state(self.connection, name)

    def power_on(self, name: str) -> None:
        power.power_on(self.connection, name)

    def resume(self, name: str) -> None:
        power.resume(self.connection, name)

    def shut_down(self, name: str, deadline: float) -> None:
        power.shut_down(self.connection, name, deadline)

    def power_off(self, name: str) -> None:
        power.power_off(self.connection, name)

    def set_autostart(self, name: str, enabled: bool) -> None:
        power.set_autostart(self.connection, name, enabled)

    # Performance

    def figures(self) -> frozenset[str]:
        return ALL

    def usage(self, name: str, seconds: float) -> Usage:
        return counters.usage(self.connection, name, seconds)

    # Disks

    def read_disks(self, name: str) -> AbstractContextManager[Mapping[str, Endpoint]]:
        return disks.read_disks(self.connection, self.machine(name))

    def release_disks(self, name: str) -> None:
        disks.release(self.connection, self.machine(name))

    def write_disks(self, name: str, owner: Ownership) -> AbstractContextManager[Mapping[str, Endpoint]]:
        return disks.write_disks(self.connection, self.machine(name), owner)

    # Making and removing

    def translated(self, machine: VirtualMachine, settings: TargetSettings) -> VirtualMachine:
        made = outcome.translated(machine, settings, self._offer)
        return replace(made, devices=(*made.devices, *cpu.words(self.connection, ET.fromstring(made.native))))

    def define(self, machine: VirtualMachine, settings: TargetSettings) -> VirtualMachine:
        return define.define(self.connection, machine, settings)

    def remove(self, name: str, owner: Ownership) -> None:
        trial.clean_up(self.connection, name)
        define.remove(self.connection, name, owner)

    def retire(self, name: str, owner: Ownership) -> Retired:
        return retire.retire(self.connection, name, owner)

    def tag(self, name: str, owner: Ownership) -> None:
        define.tag(self.connection, name, owner)

    def isolated_trial(self, name: str, network: str, owner: Ownership) -> AbstractContextManager[Trial]:
        return trial.isolated_trial(self.connection, self.machine(name), network, owner)

    # Live moves

    def start_live(
        self, name: str, target: Hypervisor, settings: TargetSettings, *, bandwidth: int | None, paused: bool
    ) -> None:
        live.start(self.connection, _peer(target), name, settings, bandwidth=bandwidth, paused=paused)

    def live_status(self, name: str, target: Hypervisor) -> LiveStatus:
        return live.status(self.connection, _peer(target), name)

    def cancel_live(self, name: str) -> None:
        live.cancel(self.connection, name)


def _peer(target: Hypervisor) -> Connection:
    if not isinstance(target, LibvirtHypervisor):
        raise OperatorNeededError(
            f"A running machine cannot move from a libvirt host to a {target.kind} host.",
            remedy="Give it the strategy 'cold'.",
        )
    return target.connection

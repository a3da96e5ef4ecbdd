"""What the look from outside asks of a host, for each kind of host: its own tools are asked, and none of Drover's."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

from drover.errors import BadInputError
from drover_lab.guests import Guest
from drover_lab.hyperv import lab_machines
from drover_lab.lab import Lab
from drover_lab.topology import HYPERV, LIBVIRT, VSPHERE, LabHost
from drover_lab.vcenter import machines
from drover_lab.vcenter.host import datastore


class Image(NamedTuple):
    """Where a disk lies, as seen from outside the host. :param format: as qemu calls it."""

    path: Path
    format: str


class End(Protocol):
    """One host, for one machine at a time."""

    def state(self, machine: str) -> str:
        """`running`, `paused`, `off`, `other`, or `not there`."""

    def starts_by_itself(self, machine: str) -> bool:
        """Whether it starts with its host."""

    def images(self, machine: Guest) -> dict[str, Image]:
        """The disks that it was made with, by their names there."""


class _OfTheLab:
    """What the lab itself can tell of any host."""

    def __init__(self, lab: Lab, host: LabHost) -> None:
        self._lab = lab
        self._host = host

    def state(self, machine: str) -> str:
        return self._lab.states().get(self._host.name, {}).get(machine, "not there")


class KvmEnd(_OfTheLab):
    def starts_by_itself(self, machine: str) -> bool:
        info = self._lab.virsh(self._host.name, "dominfo", machine)
        return any(line.startswith("Autostart:") and "disable" not in line for line in info.splitlines())

    def images(self, machine: Guest) -> dict[str, Image]:
        folder = self._host.folder / "var-lib-libvirt/images"
        return {disk.name: Image(folder / machine.image_name(disk), disk.format.value) for disk in machine.spec.disks}


class VCenterEnd(_OfTheLab):
    def starts_by_itself(self, machine: str) -> bool:
        return machine in machines.autostarts(self._lab.topology, self._host)

    def images(self, machine: Guest) -> dict[str, Image]:
        folder = datastore(self._host, machines.DATASTORE) / machine.name
        return {
            disk.name: Image(folder / f"{machines.disk_name(machine, disk.bootable)}-flat.vmdk", "raw")
            for disk in machine.spec.disks
        }


class HypervEnd(_OfTheLab):
    def starts_by_itself(self, machine: str) -> bool:
        return machine in lab_machines.autostarts(self._lab.topology, self._host)

    def images(self, machine: Guest) -> dict[str, Image]:
        return {
            disk.name: Image(lab_machines.image(self._lab.topology, self._host, machine, place), "vhdx")
            for place, disk in enumerate(machine.spec.disks)
        }


_ENDS: dict[str, Callable[[Lab, LabHost], End]] = {LIBVIRT: KvmEnd, VSPHERE: VCenterEnd, HYPERV: HypervEnd}


def end(lab: Lab, name: str) -> End:
    """:raises BadInputError: the lab has no such host, or one of a kind that cannot be looked at."""
    found = next((host for host in lab.hosts if host.name == name), None)
    if found is None or found.kind not in _ENDS:
        raise BadInputError(f"Nobody knows how to look at '{name}'.", remedy="Teach drover_lab.demo.ends its kind.")
    return _ENDS[found.kind](lab, found)

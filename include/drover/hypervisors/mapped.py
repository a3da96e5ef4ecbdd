"""What of the target a disk or an adapter is mapped to. What is not mapped is never guessed, at no kind of target."""

from drover.errors import OperatorNeededError
from drover.hypervisors.port import TargetSettings
from drover.model import Disk, VirtualMachine


def pool_for(machine: VirtualMachine, disk: Disk, settings: TargetSettings) -> str:
    """:raises OperatorNeededError: no mapping says where the disk goes."""
    where = f"Disk {disk.name} of machine '{machine.name}'"
    if disk.pool is None:
        raise OperatorNeededError(
            f"{where} lies in no storage pool ({disk.path}), so no mapping says where it goes.",
            remedy="Define a pool over its folder at the source, and map it.",
        )
    wanted = settings.storage.get(disk.pool)
    if wanted is None:
        raise OperatorNeededError(
            f"{where} lies in pool '{disk.pool}', which is not mapped.", remedy="Add it to mappings: storage."
        )
    return wanted


def network_for(machine: VirtualMachine, network: str, settings: TargetSettings) -> str:
    """:raises OperatorNeededError: no mapping says where the adapter goes."""
    wanted = settings.networks.get(network)
    if wanted is None:
        raise OperatorNeededError(
            f"Machine '{machine.name}' has an adapter on network '{network}', which is not mapped.",
            remedy="Add it to mappings: networks.",
        )
    return wanted

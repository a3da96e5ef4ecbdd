"""A trial boot: the machine itself, upon a snapshot that is reverted and removed, its adapters on an isolated network.

A vCenter gives no way into a network that has none out. The connection's field `trial_jump` names a host that has a
leg in it and takes SSH; the checks go through that one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from drover.errors import OperatorNeededError
from drover.hypervisors.jump import Jump
from drover.hypervisors.port import Trial
from drover.hypervisors.vsphere import inventory, lookup, networks, power, snapshots, tasks
from drover.hypervisors.vsphere.keys import device_keys
from drover.hypervisors.vsphere.owned import require_ours
from drover.hypervisors.vsphere.place import survey
from drover.hypervisors.vsphere.session import Session
from drover.hypervisors.vsphere.specs import network_backing
from drover.model import Ownership, PowerState, VirtualMachine

_PURPOSE = "trial"


@contextmanager
def isolated_trial(session: Session, machine: VirtualMachine, network: str, owner: Ownership) -> Iterator[Trial]:
    require_ours(session, machine, owner, "booted on trial")
    reference = _reference(session, machine)
    clean_up(session, machine.name)
    if power.state_of(session, reference) is not PowerState.OFF:
        raise OperatorNeededError(
            f"Machine '{machine.name}' on {session.name} is not off, so it is not booted on trial.",
            remedy="Shut it down first.",
        )
    _require_isolated(session, machine, network)
    jump = Jump(session.spec)
    snapshots.create(session, reference, machine.name, _PURPOSE)
    try:
        _move_adapters(session, reference, machine, network)
        power.power_on(session, machine.name)
        yield Trial(machine.name, jump.open)
    finally:
        clean_up(session, machine.name)


def end(session: Session, name: str, owner: Ownership) -> None:
    """Ends what a killed trial of this owner's machine has left; does nothing to another's machine.

    A machine that may have run in production is not put back: what it wrote there is kept, only the snapshot goes.
    """
    machine = inventory.find(session, name)
    tag = machine.ownership if machine is not None else None
    if machine is None or tag is None or not tag.same_machine(owner):
        return
    if tag.role == owner.role:
        clean_up(session, name)
    else:
        snapshots.remove(session, _reference(session, machine), name, _PURPOSE)


def clean_up(session: Session, name: str) -> None:
    """Ends a trial of a machine of ours and puts it back as its snapshot says; does nothing where none is."""
    reference = lookup.find(session, name)
    if reference is None:
        return
    snapshots.settle(session, reference, name)
    ours = snapshots.ours(session, reference, _PURPOSE)
    if not ours:
        return
    power.power_off(session, name)
    with session.errors():
        task = ours[0].reference.RevertToSnapshot_Task(suppressPowerOn=True)
    tasks.wait(session, task, f"taking back the trial of machine '{name}'")
    snapshots.remove(session, reference, name, _PURPOSE)


def _reference(session: Session, machine: VirtualMachine) -> Any:
    from pyVmomi import vim

    return vim.VirtualMachine(machine.id, session.stub)


def _require_isolated(session: Session, machine: VirtualMachine, network: str) -> None:
    """:raises OperatorNeededError: it is not there, not isolated, or one that the machine uses in production."""
    found = next((one for one in networks.networks(session) if one.name == network), None)
    if found is None:
        raise OperatorNeededError(
            f"The test network '{network}' is not there on {session.name}.", remedy="Make it, or name another one."
        )
    if not found.isolated or network in {nic.network for nic in machine.nics}:
        raise OperatorNeededError(
            f"The network '{network}' on {session.name} is not isolated, so nothing is booted on trial there.",
            remedy="Name a port group whose switch has no uplink, or whose VLAN nobody uses and no uplink carries.",
        )


def _move_adapters(session: Session, reference: Any, machine: VirtualMachine, network: str) -> None:
    from pyVmomi import vim

    keys, site = device_keys(session, reference), survey(session)
    with session.errors():
        devices = {one.key: one for one in reference.config.hardware.device}
    changes = []
    for nic in machine.nics:
        device = devices[keys[nic.mac]]
        device.backing = network_backing(session, site, network)
        changes.append(vim.vm.device.VirtualDeviceSpec(operation="edit", device=device))
    with session.errors():
        task = reference.ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=changes))
    tasks.wait(session, task, f"putting machine '{machine.name}' on the network '{network}'")
    if any(nic.network != network for nic in inventory.read(session, [machine.id or ""])[0].nics):
        raise OperatorNeededError(
            f"Machine '{machine.name}' on {session.name} is not on the network '{network}' after all.",
            remedy="Look at its adapters in the vSphere client; it was not started.",
        )

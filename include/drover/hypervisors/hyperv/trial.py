"""A trial boot: the machine itself, upon a checkpoint that is applied and removed, its adapters on a private switch.

Hyper-V gives no way into a network that has none out. The connection's field `trial_jump` names a host that has a leg
in it and takes SSH; the checks go through that one.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from drover.errors import OperatorNeededError
from drover.hypervisors.hyperv import checkpoints, inventory, power, scripts, site
from drover.hypervisors.hyperv.owned import require_off, require_ours
from drover.hypervisors.hyperv.session import Session
from drover.hypervisors.jump import Jump
from drover.hypervisors.port import Trial
from drover.model import Ownership, VirtualMachine


@contextmanager
def isolated_trial(session: Session, machine: VirtualMachine, network: str, owner: Ownership) -> Iterator[Trial]:
    require_ours(session, machine, owner, "booted on trial")
    if checkpoints.TRIAL in machine.snapshots:
        clean_up(session, machine.name)
        machine = inventory.machine(session, machine.name)
    require_off(session, machine, "booted on trial")
    _require_isolated(session, machine, network)
    jump = Jump(session.spec)
    try:
        _begin(session, machine, network)
        power.power_on(session, machine.name)
        yield Trial(machine.name, jump.open)
    finally:
        clean_up(session, machine.name)


def _begin(session: Session, machine: VirtualMachine, network: str) -> None:
    on = scripts.run(session, "trial-begin", id=machine.id, name=checkpoints.TRIAL, switch=network)
    if any(switch != network for switch in on):
        raise OperatorNeededError(
            f"Machine '{machine.name}' on {session.target.host} is not on the network '{network}' after all.",
            remedy="Look at its adapters in Hyper-V Manager; it was not started.",
        )


def clean_up(session: Session, name: str) -> None:
    """Ends a trial, whoever left it, and puts the machine back as its checkpoint says; does nothing where none is."""
    found = inventory.find(session, name)
    if found is not None and checkpoints.TRIAL in found.snapshots:
        checkpoints.end(session, "trial-end", found.id or "", checkpoints.TRIAL)


def _require_isolated(session: Session, machine: VirtualMachine, network: str) -> None:
    """:raises OperatorNeededError: it is not there, not private, or one that the machine uses in production."""
    found = next((one for one in site.networks(session) if one.name == network), None)
    if found is None:
        raise OperatorNeededError(
            f"The test network '{network}' is not there on {session.target.host}.",
            remedy="Make it, or name another one.",
        )
    if not found.isolated or network in {nic.network for nic in machine.nics}:
        raise OperatorNeededError(
            f"The network '{network}' on {session.target.host} is not isolated, so nothing is booted on trial there.",
            remedy="Name a private virtual switch that no machine uses in production.",
        )

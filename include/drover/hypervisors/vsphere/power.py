"""On and off. Each call does nothing where the machine already is as asked."""

import time
from collections.abc import Callable
from typing import Any

from drover.errors import OperatorNeededError
from drover.hypervisors.vsphere import lookup, tasks
from drover.hypervisors.vsphere.collector import retrieve
from drover.hypervisors.vsphere.session import Session
from drover.model import PowerState

_KIND = "VirtualMachine"
_POLL = 1.0
# A guest that still boots does not hear the request; asking again does no harm.
_ASK_EVERY = 20.0
_SECONDS = 600.0
_STATES = {"poweredOn": PowerState.RUNNING, "poweredOff": PowerState.OFF, "suspended": PowerState.OTHER}


def power_state(session: Session, name: str) -> PowerState:
    return state_of(session, lookup.require(session, name))


def state_of(session: Session, machine: Any) -> PowerState:
    """:param machine: `vim.VirtualMachine`."""
    return _STATES.get(_raw_state(session, machine), PowerState.OTHER)


def _raw_state(session: Session, machine: Any) -> str:
    for found in retrieve(session, {_KIND: ["runtime.powerState"]}, [(_KIND, machine._moId)]):
        return found.text("runtime.powerState") or ""
    raise OperatorNeededError(
        f"A machine on {session.name} went away while Drover looked at it ({machine._moId}).",
        remedy="Find out who removed or unregistered it.",
    )


def power_on(session: Session, name: str) -> None:
    machine = lookup.require(session, name)
    _switch(session, machine, name, "power-on", machine.PowerOnVM_Task, "poweredOn")


def resume(session: Session, name: str) -> None:
    """vSphere pauses no machine; one that is suspended is let run again."""
    machine = lookup.require(session, name)
    if _raw_state(session, machine) == "suspended":
        _switch(session, machine, name, "resume", machine.PowerOnVM_Task, "poweredOn")


def power_off(session: Session, name: str) -> None:
    machine = lookup.require(session, name)
    _switch(session, machine, name, "power-off", machine.PowerOffVM_Task, "poweredOff")


def _switch(session: Session, machine: Any, name: str, what: str, start: Callable[[], Any], wanted: str) -> None:
    if _raw_state(session, machine) == wanted:
        return
    try:
        with session.errors():
            task = start()
        tasks.wait(session, task, f"the {what} of machine '{name}'", deadline=_SECONDS)
    except OperatorNeededError:
        if _raw_state(session, machine) != wanted:  # Else someone was quicker.
            raise


def shut_down(session: Session, name: str, deadline: float) -> None:
    """Asks the guest through VMware Tools and waits. :param deadline: seconds."""
    machine = lookup.require(session, name)
    until = time.monotonic() + deadline
    next_request, asked = 0.0, False
    while (state := state_of(session, machine)) is not PowerState.OFF:
        if state is not PowerState.RUNNING:
            raise OperatorNeededError(
                f"Machine '{name}' on {session.name} is suspended, so it cannot shut down by itself.",
                remedy="Resume it, or shut it down by hand.",
            )
        if time.monotonic() > until:
            raise OperatorNeededError(
                f"Machine '{name}' on {session.name} did not shut down within {deadline:g} seconds.",
                remedy="See what keeps the guest, or give it a longer shutdown_deadline; Drover did not force it.",
            )
        if time.monotonic() >= next_request:
            try:
                _ask(session, machine, name)
            except OperatorNeededError:
                if not asked:  # Else the Tools have ended because the guest shuts down.
                    raise
            asked = True
            next_request = time.monotonic() + _ASK_EVERY
        time.sleep(_POLL)


def _ask(session: Session, machine: Any, name: str) -> None:
    """:raises OperatorNeededError: no VMware Tools run in the guest, so it cannot hear the request."""
    from pyVmomi import vim

    with session.errors():
        try:
            machine.ShutdownGuest()
        except vim.fault.ToolsUnavailable as error:
            raise OperatorNeededError(
                f"Machine '{name}' on {session.name} runs no VMware Tools, so it cannot be asked to shut down.",
                remedy="Start or install VMware Tools in the guest, or shut it down from inside before the wave.",
            ) from error
        except vim.fault.InvalidPowerState:
            pass  # It went off meanwhile.

"""On and off. Each call does nothing where the machine already is as asked.

A machine that is off while a task that starts it has not ended may run any moment: it does not count as off, and
whoever wants it off ends that task first.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from drover.errors import DroverError, OperatorNeededError, RetryableError
from drover.hypervisors.vsphere import lookup, tasks
from drover.hypervisors.vsphere.collector import retrieve
from drover.hypervisors.vsphere.recent import recent
from drover.hypervisors.vsphere.session import Session
from drover.model import PowerState

_KIND = "VirtualMachine"
_POLL = 1.0
# A guest that still boots does not hear the request; asking again does no harm.
_ASK_EVERY = 20.0
_SECONDS = 600.0
# How long a task that was asked to end may take for it.
_ENDING = 120.0
# Of a machine's own task and of those that DRS makes of it: VirtualMachine.powerOn, Datacenter.ExecuteVmPowerOnLRO.
_STARTS = "poweron"
_STATES = {"poweredOn": PowerState.RUNNING, "poweredOff": PowerState.OFF, "suspended": PowerState.OTHER}


def power_state(session: Session, name: str) -> PowerState:
    """One that is being started is neither off nor running."""
    machine = lookup.require(session, name)
    starting = _starting(session, machine)  # Before the state: a task that ends in between shows in that.
    found = state_of(session, machine)
    return PowerState.OTHER if found is PowerState.OFF and starting else found


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
    """:raises RetryableError: it was not started in time; says whether it may still start."""
    machine = lookup.require(session, name)
    _start(session, machine, name, "power-on")


def resume(session: Session, name: str) -> None:
    """vSphere pauses no machine; one that is suspended is let run again."""
    machine = lookup.require(session, name)
    if _raw_state(session, machine) == "suspended":
        _start(session, machine, name, "resume")


def _start(session: Session, machine: Any, name: str, what: str) -> None:
    """One that is being started already, by a killed try or by somebody else, is waited for."""
    begun = _starting(session, machine)
    try:
        _switch(session, machine, name, what, lambda: begun[-1] if begun else machine.PowerOnVM_Task(), "poweredOn")
    except RetryableError as error:
        # Its deadline, or a line that broke: what was begun must not go on behind the back of whoever goes back.
        _settle(session, machine, name, error)
        if _raw_state(session, machine) != "poweredOn":
            raise


def power_off(session: Session, name: str) -> None:
    """:raises RetryableError: a task that starts the machine does not end, so nobody can say that it stays off."""
    machine = lookup.require(session, name)
    _settle(session, machine, name, None)
    _switch(session, machine, name, "power-off", machine.PowerOffVM_Task, "poweredOff")


def _starting(session: Session, machine: Any) -> list[Any]:
    """The tasks that start the machine and have not ended."""
    return [one.reference for one in recent(session, machine._moId) if _STARTS in one.what.lower() and not one.ended]


def _settle(session: Session, machine: Any, name: str, why: DroverError | None) -> None:
    """Ends every task that starts the machine, one way or the other.

    :param why: what went wrong before, for the message. :raises RetryableError: one does not end.
    """
    until = time.monotonic() + _ENDING
    asked: set[str] = set()
    while begun := _starting(session, machine):
        for task in begun:
            if task._moId not in asked:
                asked.add(task._moId)
                with suppress(OperatorNeededError):  # One that we may not cancel can still end by itself.
                    tasks.cancel(session, task)
        if time.monotonic() > until:
            before = f"{why.message} " if why is not None else ""
            raise RetryableError(
                f"{before}Machine '{name}' on {session.name} may still start: the task that starts it was cancelled "
                "and does not end.",
                remedy="End that task in the vSphere client; until then nothing else may start the same machine.",
            ) from why
        time.sleep(_POLL)


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

"""On and off. Each call does nothing where the machine already is as asked."""

import time

from drover.errors import DroverError, OperatorNeededError, RetryableError
from drover.hypervisors.hyperv import scripts
from drover.hypervisors.hyperv.errors import ScriptError
from drover.hypervisors.hyperv.inventory import id_of
from drover.hypervisors.hyperv.session import Session
from drover.model import PowerState

_STATES = {"Running": PowerState.RUNNING, "Off": PowerState.OFF, "Paused": PowerState.PAUSED}
_SECONDS = 600.0
# ERROR_SHUTDOWN_IN_PROGRESS, which every language of Windows writes alike.
_IN_PROGRESS = "0x8007045B"


def power_state(session: Session, name: str) -> PowerState:
    return _STATES.get(raw_state(session, id_of(session, name)), PowerState.OTHER)


def raw_state(session: Session, machine_id: str) -> str:
    """Hyper-V's own word."""
    return str(scripts.run_one(session, "state", id=machine_id))


def power_on(session: Session, name: str) -> None:
    _switch(session, id_of(session, name), "power-on", "Running")


def resume(session: Session, name: str) -> None:
    """One that was saved goes on as well."""
    machine_id = id_of(session, name)
    state = raw_state(session, machine_id)
    if state == "Paused":
        _switch(session, machine_id, "resume", "Running")
    elif state in ("Saved", "FastSaved"):
        _switch(session, machine_id, "power-on", "Running")


def power_off(session: Session, name: str) -> None:
    _switch(session, id_of(session, name), "power-off", "Off")


def _switch(session: Session, machine_id: str, script: str, wanted: str) -> None:
    if raw_state(session, machine_id) == wanted:
        return
    try:
        scripts.run(session, script, deadline=_SECONDS, id=machine_id)
    except ScriptError:
        if raw_state(session, machine_id) != wanted:  # Else someone was quicker.
            raise


def shut_down(session: Session, name: str, deadline: float) -> None:
    """Asks the guest through its integration services and waits. :param deadline: seconds."""
    machine_id = id_of(session, name)
    until = time.monotonic() + deadline
    asked = False
    while (state := raw_state(session, machine_id)) != "Off":
        if state in ("Saved", "FastSaved", "Paused"):
            raise OperatorNeededError(
                f"Machine '{name}' on {session.target.host} is {state.lower()}, so it cannot shut down by itself.",
                remedy="Start or resume it, or shut it down by hand.",
            )
        left = until - time.monotonic()
        if left <= 0:
            raise OperatorNeededError(
                f"Machine '{name}' on {session.target.host} did not shut down within {deadline:g} seconds.",
                remedy="See what keeps the guest, or give it a longer shutdown_deadline; Drover did not force it.",
            )
        if state == "Stopping" or not _ask(session, machine_id, name, left, asked=asked):
            asked = True
            time.sleep(min(1.0, left))  # between two looks at a host that may be busy


def _ask(session: Session, machine_id: str, name: str, left: float, *, asked: bool) -> bool:
    """Hyper-V answers when the guest is off. Whoever lost the connection meanwhile looks again, and may ask again.

    :param asked: whether it may be shutting down already; then it may refuse to be asked again, in whatever words.
    :returns: whether Hyper-V said that it is off.
    """
    try:
        scripts.run(session, "shut-down", deadline=left, id=machine_id)
    except RetryableError:
        return False
    except DroverError as error:
        if asked or _IN_PROGRESS in error.message:
            return False
        if raw_state(session, machine_id) != "Off":
            raise OperatorNeededError(
                f"Machine '{name}' on {session.target.host} cannot be asked to shut down: {error.message}",
                remedy="See that the integration service for shutting down runs in the guest, or shut it down from "
                "inside before the wave.",
            ) from error
    return True


def set_autostart(session: Session, name: str, enabled: bool) -> None:
    scripts.run(session, "autostart", id=id_of(session, name), enabled=enabled)

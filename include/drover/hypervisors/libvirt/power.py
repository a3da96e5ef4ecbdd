"""On and off. Each call does nothing where the machine already is as asked."""

import time
from typing import TYPE_CHECKING

from drover.errors import OperatorNeededError
from drover.hypervisors.libvirt.connection import Connection
from drover.model import PowerState

if TYPE_CHECKING:
    import libvirt

_POLL = 0.5
# A guest that still boots does not hear the power button; pressing it again does no harm.
_PRESS_EVERY = 20.0


def state_of(domain: "libvirt.virDomain") -> PowerState:
    """The state now; a machine that was saved to disk is not off: what it was doing would be lost."""
    import libvirt

    state, _ = domain.state()
    if state in (libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_BLOCKED, libvirt.VIR_DOMAIN_SHUTDOWN):
        return PowerState.RUNNING
    if state == libvirt.VIR_DOMAIN_PAUSED:
        return PowerState.PAUSED
    if state == libvirt.VIR_DOMAIN_SHUTOFF and not (domain.isPersistent() and domain.hasManagedSaveImage()):
        return PowerState.OFF
    return PowerState.OTHER


def power_state(connection: Connection, name: str) -> PowerState:
    with connection.errors():
        return state_of(connection.domain(name))


def power_on(connection: Connection, name: str) -> None:
    import libvirt

    domain = connection.domain(name)
    with connection.errors():
        if state_of(domain) is PowerState.PAUSED:
            domain.resume()
        if domain.isActive():
            return
        try:
            domain.create()
        except libvirt.libvirtError:
            if not domain.isActive():  # Else someone was quicker.
                raise


def resume(connection: Connection, name: str) -> None:
    domain = connection.domain(name)
    with connection.errors():
        if state_of(domain) is PowerState.PAUSED:
            domain.resume()


def shut_down(connection: Connection, name: str, deadline: float) -> None:
    """Presses the power button and waits. :param deadline: seconds."""
    domain = connection.domain(name)
    until = time.monotonic() + deadline
    next_press = 0.0
    while (state := _now(connection, domain)) is not PowerState.OFF:
        if state is not PowerState.RUNNING:
            raise OperatorNeededError(
                f"Machine '{name}' on {connection.name} is {state.value}, so it cannot shut down by itself.",
                remedy="Resume it, or shut it down by hand.",
            )
        if time.monotonic() > until:
            raise OperatorNeededError(
                f"Machine '{name}' on {connection.name} did not shut down within {deadline:g} seconds.",
                remedy="See what keeps the guest, or give it a longer shutdown_deadline; Drover did not force it.",
            )
        if time.monotonic() >= next_press:
            _press(connection, domain)
            next_press = time.monotonic() + _PRESS_EVERY
        time.sleep(_POLL)


def _now(connection: Connection, domain: "libvirt.virDomain") -> PowerState:
    with connection.errors():
        return state_of(domain)


def _press(connection: Connection, domain: "libvirt.virDomain") -> None:
    import libvirt

    with connection.errors():
        try:
            domain.shutdown()
        except libvirt.libvirtError:
            if domain.isActive():
                raise


def power_off(connection: Connection, name: str) -> None:
    pull_plug(connection, connection.domain(name))


def pull_plug(connection: Connection, domain: "libvirt.virDomain") -> None:
    """Off at once; fine where it is off."""
    import libvirt

    with connection.errors():
        try:
            domain.destroy()
        except libvirt.libvirtError as error:
            if error.get_error_code() != libvirt.VIR_ERR_OPERATION_INVALID or domain.isActive():
                raise


def set_autostart(connection: Connection, name: str, enabled: bool) -> None:
    with connection.errors():
        connection.domain(name).setAutostart(1 if enabled else 0)

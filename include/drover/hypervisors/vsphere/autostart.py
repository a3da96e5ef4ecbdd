"""Whether a host starts a machine by itself. In a cluster with vSphere HA the hosts' autostart is off: HA decides."""

from typing import Any

from drover.hypervisors.vsphere import lookup, nodes
from drover.hypervisors.vsphere.collector import retrieve
from drover.hypervisors.vsphere.session import Session

_ON, _OFF = "powerOn", "none"


def set_autostart(session: Session, name: str, enabled: bool) -> None:
    """Turning it on also turns on the host's own autostart; turning it off leaves other machines as they are.

    It is turned off also where the host's own is off: it must not start on the day when somebody turns that on.
    """
    from pyVmomi import vim

    machine = lookup.require(session, name)
    host = _host_of(session, machine._moId)
    if host is None:
        return
    listed, starts = _settings(session, host, machine._moId)
    if (listed and starts) if enabled else not listed:
        return
    manager = vim.host.AutoStartManager
    entry = manager.AutoPowerInfo(
        key=machine,
        startOrder=-1,
        startDelay=-1,
        waitForHeartbeat="systemDefault",
        startAction=_ON if enabled else _OFF,
        stopDelay=-1,
        stopAction="systemDefault",
    )
    spec = manager.Config(powerInfo=[entry])
    if enabled:
        spec.defaults = manager.SystemDefaults(enabled=True)
    with session.errors():
        _manager(session, host).ReconfigureAutostart(spec)


def _settings(session: Session, host: str, machine_id: str) -> tuple[bool, bool]:
    """Whether the host is to start this machine, and whether it starts machines at all."""
    for found in retrieve(session, {"HostSystem": ["config.autoStart"]}, [("HostSystem", host)]):
        settings = found.node("config.autoStart")
        starts = bool(nodes.flag(settings, "defaults/enabled"))
        for entry in nodes.children(settings, "powerInfo"):
            if nodes.text(entry, "key") == machine_id:
                return (nodes.text(entry, "startAction") or "").lower() == _ON.lower(), starts
        return False, starts
    return False, False


def _host_of(session: Session, machine_id: str) -> str | None:
    kind = "VirtualMachine"
    for found in retrieve(session, {kind: ["runtime.host"]}, [(kind, machine_id)]):
        return found.text("runtime.host")
    return None


def _manager(session: Session, host: str) -> Any:
    from pyVmomi import vim

    return vim.HostSystem(host, session.stub).configManager.autoStartManager

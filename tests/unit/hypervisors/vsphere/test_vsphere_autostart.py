"""Whether a host starts a machine by itself: an entry that sleeps must not wake up after the move."""

from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest

from drover.hypervisors.vsphere import autostart
from drover.hypervisors.vsphere.collector import Found
from drover.hypervisors.vsphere.hypervisor import VsphereHypervisor
from drover.hypervisors.vsphere.nodes import Node


def settings(starts: bool, machine: str, action: str) -> Node:
    """As a host tells them."""
    entry = f"<powerInfo><key>{machine}</key><startAction>{action}</startAction></powerInfo>"
    whole = f'<v xmlns="urn:vim25"><defaults><enabled>{str(starts).lower()}</enabled></defaults>{entry}</v>'
    return ElementTree.fromstring(whole)


@pytest.mark.parametrize(
    ("starts", "action", "enabled", "asked"),
    [
        (True, "PowerOn", False, "none"),
        (False, "PowerOn", False, "none"),
        (True, "none", False, None),
        (False, "none", False, None),
        (True, "powerOn", True, None),
        (False, "powerOn", True, "powerOn"),
        (True, "none", True, "powerOn"),
    ],
)
def test_an_entry_is_taken_out_also_where_the_host_starts_no_machine_now(
    hypervisor: VsphereHypervisor,
    monkeypatch: pytest.MonkeyPatch,
    starts: bool,
    action: str,
    enabled: bool,
    asked: str | None,
) -> None:
    """Or the machine starts at the source on the day when somebody switches that on."""
    name = hypervisor.machines()[0].name
    machine = hypervisor.machine(name)
    told = settings(starts, machine.id or "", action)
    real: Any = autostart.retrieve

    def retrieve(session: Any, wanted: Any, ids: Any) -> Any:
        if "HostSystem" not in wanted:
            return real(session, wanted, ids)
        return iter([Found("host-1", "HostSystem", {"config.autoStart": told}, {})])

    specs: list[Any] = []
    monkeypatch.setattr(autostart, "retrieve", retrieve)
    monkeypatch.setattr(autostart, "_manager", lambda *_: SimpleNamespace(ReconfigureAutostart=specs.append))
    hypervisor.set_autostart(name, enabled)
    assert [entry.startAction for spec in specs for entry in spec.powerInfo] == ([asked] if asked else [])
    assert [bool(spec.defaults) for spec in specs] == [enabled for _ in specs], "the host's own stays off otherwise"


def test_a_host_keeps_and_tells_which_machines_start_with_it(hypervisor: VsphereHypervisor) -> None:
    name, other = (machine.name for machine in hypervisor.machines()[:2])
    for enabled in (True, False):
        hypervisor.set_autostart(name, enabled)
        assert hypervisor.machine(name).autostart is enabled
        assert not hypervisor.machine(other).autostart

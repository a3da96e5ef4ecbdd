"""What a Hyper-V host counts of a machine: asked of the simulated one by the product's own script."""

from typing import Any, cast

import pytest
from worlds import DISK, MIB, Direct, Peer, definition

from drover.errors import OperatorNeededError, RetryableError
from drover.hypervisors.counters import Counters, PerformanceMeter
from drover.hypervisors.hyperv import counters, inventory
from drover.hypervisors.hyperv.hypervisor import HypervHypervisor
from drover.hypervisors.hyperv.session import Session
from drover_lab.process import wait_until

NAME = "Müller's (1) $(id)"
PROCESSORS = ["web:Hv VP 0", "web:Hv VP 1"]
ANSWER: dict[str, Any] = {
    "state": "Running",
    "memory": "1073741824",
    "drives": ["D:\\Hyper-V\\web.vhdx", "D:\\more\\web.vhdx"],
    "adapters": ["Microsoft:AAAA\\B1B2"],
    "processors": [{"name": "web:Hv VP 0", "ran": "30000000"}, {"name": "Web:Hv VP 1", "ran": "12000000"}],
    "disks": [
        {"name": "--?-D:-Hyper-V-web.vhdx", "readBytes": "10", "writtenBytes": "1", "reads": "2", "writes": "3"},
        {"name": "D:-more-web.vhdx", "readBytes": "5", "writtenBytes": "7", "reads": "1", "writes": "1"},
        {"name": "D:-Hyper-V-other.vhdx", "readBytes": "900", "writtenBytes": "9", "reads": "9", "writes": "9"},
    ],
    "cards": [
        {"name": "web_Network Adapter_aaaa--b1b2", "received": "40", "sent": "50"},
        {"name": "other_Network Adapter_cccc--d1d2", "received": "900", "sent": "900"},
    ],
}


@pytest.fixture
def session(hv: Peer) -> Session:
    adapters = [
        {"name": name, "switch": "production", "mac": mac, "legacy": legacy, "vlan": 0}
        for name, mac, legacy in (("n", "00155D010203", False), ("old", "00155D010204", True))
    ]
    disks = [{"path": DISK, "size": 16 * MIB, "controller": "IDE", "number": 0, "location": 0}]
    asked = definition(generation=1, disks=disks, adapters=adapters, template="", boot=[])
    (identity,) = hv.script("define", **asked)
    hv.script("rename", id=identity, name=NAME)
    hv.script("power-on", id=identity)
    return cast(Session, Direct(hv))


def test_a_host_tells_what_a_machine_uses(hv: Peer, session: Session) -> None:
    """It boots from an empty disk: its firmware works, and reads it."""
    assert issubclass(HypervHypervisor, PerformanceMeter)
    found = counters.usage(session, NAME, 1)
    assert found.memory == 64 * MIB
    assert (found.read_latency, found.write_latency) == (None, None)
    told = {name for name in counters.FIGURES if getattr(found, name) is not None}
    assert told == counters.FIGURES, "the rest is told"
    machine = inventory.machine(session, NAME)

    def counted() -> bool:
        total = counters.read(session, machine)
        return bool(total.cpu and total.read_bytes and total.reads)

    wait_until("it counts", counted, deadline=120)


def test_a_machine_that_does_not_run_is_not_measured(hv: Peer, session: Session) -> None:
    hv.script("power-off", id=hv.machine()["id"])
    with pytest.raises(RetryableError, match="on hv-a does not run, so there is nothing to measure"):
        counters.usage(session, NAME, 1)


def told(**changes: Any) -> Counters:
    return counters.counters_of({**ANSWER, **changes}, PROCESSORS, "machine 'web' on hv-a")


def test_only_what_is_the_machine_s_counts() -> None:
    assert told() == Counters(4.2, float(2**30), 15, 8, 3, 4, None, None, 40, 50)
    alone = told(drives=[], adapters=[])
    assert alone == Counters(4.2, float(2**30))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"processors": ANSWER["processors"][:1]}, r"what processor web:Hv VP 1 of machine 'web' on hv-a does: 0 "),
        ({"disks": ANSWER["disks"][1:]}, r"what disk D:\\Hyper-V\\web\.vhdx of machine 'web' on hv-a does: 0 "),
        ({"cards": []}, r"what network adapter Microsoft:AAAA\\B1B2 of machine 'web' on hv-a does: 0 "),
        ({"cards": ANSWER["cards"][:1] * 2}, r"does: 2 performance counters bear its name"),
    ],
)
def test_what_is_not_counted_is_no_zero(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(OperatorNeededError, match=said):
        told(**changes)

"""What a host's networks give to guests, in the values that libvirt gives to Python. The lab's have no DHCP."""

from contextlib import nullcontext
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

from drover.hypervisors.libvirt.connection import Connection
from drover.hypervisors.libvirt.site import deals

DHCP = "<network><ip address='192.0.2.1'><dhcp><range start='192.0.2.2' end='192.0.2.9'/></dhcp></ip></network>"
HANDED = "<network><forward mode='hostdev' managed='yes'><pf dev='eth1'/></forward></network>"


def lease(mac: str | None, address: str) -> dict[str, Any]:
    return {"iface": "virbr0", "expirytime": 1, "type": 0, "mac": mac, "ipaddr": address, "prefix": 24}


@dataclass
class Network:
    called: str
    text: str
    active: bool = True
    leases: list[dict[str, Any]] = field(default_factory=list)
    refuses: bool = False

    def name(self) -> str:
        return self.called

    def XMLDesc(self, _: int) -> str:  # noqa: N802  libvirt's name
        return self.text

    def isActive(self) -> int:  # noqa: N802
        return int(self.active)

    def DHCPLeases(self) -> list[dict[str, Any]]:  # noqa: N802
        import libvirt

        if self.refuses:
            raise libvirt.libvirtError("this function is not supported by the connection driver")
        return self.leases


def told(*networks: Network) -> Any:
    virt = SimpleNamespace(listAllNetworks=lambda _: list(networks))
    return deals(cast(Connection, SimpleNamespace(libvirt=virt, errors=nullcontext)))


def test_leases_are_known_by_mac() -> None:
    found = told(
        Network("default", DHCP, leases=[lease("52:54:00:AA:00:01", "192.0.2.2"), lease(None, "192.0.2.3")]),
        Network("asleep", DHCP, active=False, leases=[lease("52:54:00:aa:00:02", "192.0.2.2")]),
        Network("bridged", "<network><forward mode='bridge'/></network>", refuses=True),
    )
    assert found.leases.get("52:54:00:aa:00:01") == "192.0.2.2"
    assert "52:54:00:aa:00:02" not in found.leases
    assert found.handed == frozenset()


def test_a_network_that_tells_no_leases_stops_nobody() -> None:
    assert told(Network("default", DHCP, refuses=True)).leases == {}


def test_networks_that_hand_out_devices_are_known_also_while_they_sleep() -> None:
    found = told(Network("default", DHCP), Network("vfs", HANDED, active=False))
    assert found.handed == {"vfs"}

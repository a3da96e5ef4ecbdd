"""What libvirt is told, checked against what was promised of each machine."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from drover.errors import BadInputError
from drover_lab import definitions, guests, network
from drover_lab.state import LabState
from drover_lab.topology import Topology

LAB = Topology(LabState("two", 7, "800mbit", guests.ON_KVM))


def domain(name: str) -> ElementTree.Element:
    return ElementTree.fromstring(definitions.domain(guests.guest(LAB, name), "qemu", "two"))


@pytest.mark.parametrize("name", guests.ON_KVM)
def test_a_machine_boots_from_its_own_disk(name: str) -> None:
    root = domain(name)
    assert root.get("type") == "qemu"
    assert root.find("os/kernel") is None
    booting = [disk for disk in root.findall("devices/disk") if disk.find("boot") is not None]
    assert len(booting) == 1
    source = booting[0].find("source")
    assert source is not None
    assert Path(str(source.get("file"))).parent == Path("/var/lib/libvirt/images")


def test_addresses_and_macs_follow_from_the_slot() -> None:
    machines = [guests.guest(LAB, name) for name in guests.ON_KVM]
    assert [machine.address for machine in machines] == [f"10.214.7.{number}" for number in (21, 22, 23, 24)]
    assert [machine.mac for machine in machines] == [f"52:54:00:d0:07:0{number}" for number in (1, 2, 3, 4)]
    assert [host.address for host in LAB.hosts] == ["10.213.7.11", "10.213.7.12"]
    assert [host.connection_id for host in LAB.hosts] == ["lab_kvm_a", "lab_kvm_b"]


def test_only_the_uefi_machine_has_a_loader_with_variables_of_its_own() -> None:
    assert domain("db").findtext("os/nvram") == "/var/lib/libvirt/qemu/nvram/db_VARS.fd"
    assert domain("web").find("os/nvram") is None


def test_a_machine_has_another_uuid_in_another_lab() -> None:
    assert definitions.machine_uuid("web", "one") != definitions.machine_uuid("web", "two")
    assert domain("web").findtext("uuid") == str(definitions.machine_uuid("web", "two"))


def test_an_unknown_machine_is_refused() -> None:
    with pytest.raises(BadInputError, match="no machine called 'nope'"):
        guests.guest(LAB, "nope")


def test_networks_and_pools() -> None:
    root = ElementTree.fromstring(definitions.network("isolated"))
    bridge = root.find("bridge")
    assert bridge is not None
    assert bridge.get("name") == "isolated"
    assert ElementTree.fromstring(definitions.pool("small")).findtext("target/path") == "/var/lib/libvirt/small"


@pytest.mark.parametrize(("rate", "bits"), [("800mbit", 800_000_000), ("1gbit", 10**9), ("64kbit", 64_000)])
def test_rates(rate: str, bits: int) -> None:
    assert network.bits_per_second(rate) == bits


@pytest.mark.parametrize("rate", ["", "0mbit", "800", "800 mbit", "fast", "1.5gbit", "800mbit; reboot"])
def test_a_rate_that_is_none(rate: str) -> None:
    with pytest.raises(BadInputError, match="is not a rate"):
        network.bits_per_second(rate)


def test_interface_names_fit_the_kernel() -> None:
    crowded = Topology(LabState("x" * 31, 249, "1gbit", ()))
    assert len(crowded.production_interface) <= 15
    assert len(crowded.management_interface) <= 15

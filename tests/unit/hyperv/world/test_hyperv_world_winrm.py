"""The product drives a whole simulated host over WinRM: protocol, PowerShell, machines, disks, processes."""

import dataclasses
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from answers import foreign
from hyperv_peer import World

from drover.hypervisors import hyperv
from drover.hypervisors.hyperv.hypervisor import HypervHypervisor
from drover.hypervisors.port import TargetSettings
from drover.model import Ownership, PowerState
from drover_lab import definitions
from drover_lab.hyperv.world.runner import HyperV
from drover_lab.hyperv.world.store import add_host

MIB = 2**20
OWNER = Ownership("wave", "run", "web", "0a1b2c3d-0000-4000-8000-00000000abcd", "target")
SETTINGS = TargetSettings({"prod": "production"}, {"default": "D:"}, OWNER)


@pytest.fixture
def host(world: World) -> Iterator[HypervHypervisor]:
    with tempfile.TemporaryDirectory(prefix="drover-hv-") as folder:
        add_host(Path(folder), "hv-w")
        options = {"folder": folder, "name": "hv-w", "firmware": definitions.firmware_files(), "patience": 1.0}
        peer = world.host("hv-w", runner="drover_lab.hyperv.world.runner:HyperV", runner_options=options)
        try:
            with hyperv.connect(peer.spec()) as connected:
                assert isinstance(connected, HypervHypervisor)
                yield connected
            assert peer.status()["unmodelled"] == []
            assert peer.shells == []
        finally:
            HyperV(folder, "hv-w").reboot()
            peer.end()


def test_a_machine_of_another_kind_is_made_started_and_removed(host: HypervHypervisor) -> None:
    source = foreign()
    small = tuple(dataclasses.replace(disk, size=16 * MIB) for disk in source.disks)
    source = dataclasses.replace(source, disks=small, memory=64 * MIB)
    assert host.machines() == []
    expected = host.translated(source, SETTINGS)
    made = host.define(source, SETTINGS)
    assert (made.name, made.uuid, made.firmware) == (expected.name, expected.uuid, expected.firmware)
    assert [(one.name, one.size, one.path) for one in made.disks] == [
        (one.name, one.size, one.path) for one in expected.disks
    ]
    assert [one.mac for one in made.nics] == [one.mac for one in expected.nics]
    host.power_on(made.name)
    assert host.power_state(made.name) is PowerState.RUNNING
    host.power_off(made.name)
    assert host.power_state(made.name) is PowerState.OFF
    host.remove(made.name, OWNER)
    assert host.find(made.name) is None


def test_it_tells_what_it_has(host: HypervHypervisor) -> None:
    assert host.host().name == "hv-w"
    assert {one.name for one in host.networks()} == {"production", "isolated"}
    assert {one.name for one in host.pools()} == {"C:", "D:"}

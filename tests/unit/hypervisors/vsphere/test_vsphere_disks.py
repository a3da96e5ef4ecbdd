"""Disks into a vCenter and out of it, by each of the ways, with everything that goes wrong on the way."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from movers import MIB, ODD_NAME, contents, data, fill, kvm_machine, settings

from drover.hypervisors.vsphere.hypervisor import VsphereHypervisor
from drover.model import VirtualMachine

CONTENTS = [data(1, 6 * MIB), data(2, 3 * MIB)]


@pytest.fixture(autouse=True)
def staging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DROVER_STAGING", str(tmp_path / "staging"))
    return tmp_path / "staging"


@pytest.fixture
def made(hypervisor: VsphereHypervisor, tmp_path: Path) -> Iterator[VirtualMachine]:
    """A machine of ours at the vCenter, its disks written."""
    machine = kvm_machine()
    wanted = settings(machine)
    hypervisor.define(machine, wanted)
    fill(hypervisor, machine.name, wanted.owner, CONTENTS, tmp_path)
    yield hypervisor.machine(machine.name)
    hypervisor.remove(machine.name, wanted.owner)


def test_what_is_written_is_what_is_read(hypervisor: VsphereHypervisor, made: VirtualMachine, staging: Path) -> None:
    with hypervisor.read_disks(ODD_NAME) as endpoints:
        assert list(endpoints) == ["scsi0:0", "scsi0:1"]
        assert contents(endpoints) == CONTENTS
        assert [endpoint.size for endpoint in endpoints.values()] == [6 * MIB, 3 * MIB]
        assert "through its datastore file" in endpoints["scsi0:0"].label
        versions = [endpoint.version for endpoint in endpoints.values()]
    with hypervisor.read_disks(ODD_NAME) as endpoints:
        assert [endpoint.version for endpoint in endpoints.values()] == versions
        assert all(versions)
    assert list(staging.iterdir()) == []
    assert [machine.name for machine in hypervisor.machines() if "upload" in machine.name] == []

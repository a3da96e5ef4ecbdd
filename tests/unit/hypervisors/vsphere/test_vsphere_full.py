"""A datastore that fills up while disks are sent to it: what the user reads, and that nothing half-made is left."""

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from movers import MIB, contents, data, fill, kvm_machine, settings
from vcenter_process import VCenter

from drover.errors import OperatorNeededError
from drover.hypervisors.port import TargetSettings
from drover.hypervisors.vsphere import disks_in, nfc
from drover.hypervisors.vsphere.hypervisor import VsphereHypervisor

NAME = "full"
SIZE = 16 * MIB
# Which of the two depends on when the server tells its room anew. Neither has the lease's address, which is a ticket.
TOLD = re.compile(
    r"The datastore 'small' on 127\.0\.0\.1 is full: \d+ bytes are needed, \d+ are free\. "
    r"Make room there, or map the storage to another datastore\."
    r"|127\.0\.0\.1 has no room for what it was sent \(507 Insufficient Storage to POST /nfc\)\. "
    r"Make room on the datastore, or map the storage to another one\."
)


@pytest.fixture(autouse=True)
def staging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DROVER_STAGING", str(tmp_path / "staging"))


@pytest.fixture
def wanted(hypervisor: VsphereHypervisor) -> Iterator[TargetSettings]:
    machine = kvm_machine(NAME)
    machine = replace(machine, disks=(replace(machine.disks[0], size=SIZE, allocated=0),))
    settled = settings(machine, pool="small")
    hypervisor.define(machine, settled)
    yield settled
    hypervisor.remove(NAME, settled.owner)


@pytest.fixture
def other(vcenter: VCenter) -> Iterator[Path]:
    """A file of somebody else's, which may grow."""
    path = vcenter.folder / "small" / "other.bin"
    path.touch()
    yield path
    path.unlink()


def left(vcenter: VCenter) -> list[str]:
    return sorted(path.name for path in (vcenter.folder / "small").iterdir())


def grow(path: Path) -> None:
    """Leaves 8 MiB of the datastore's 64."""
    path.write_bytes(data(1, 56 * MIB))


def test_one_that_fills_up_while_a_lease_carries_the_bytes(
    hypervisor: VsphereHypervisor,
    vcenter: VCenter,
    wanted: TargetSettings,
    other: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real, sent = nfc.Lease.upload, []

    def upload(*given: Any) -> None:
        if not sent:
            grow(other)
            until = time.monotonic() + 60
            while next(pool.available for pool in hypervisor.pools() if pool.name == "small") > SIZE:
                assert time.monotonic() < until, "the server measures its room now and then"
                time.sleep(0.1)
        sent.append(given[1])
        real(*given)

    monkeypatch.setattr(nfc.Lease, "upload", upload)
    with pytest.raises(OperatorNeededError) as caught:
        fill(hypervisor, NAME, wanted.owner, [data(2, SIZE)], tmp_path)
    assert TOLD.fullmatch(str(caught.value))
    assert hypervisor.find(f"{NAME}-drover-upload") is None, "the lease was aborted, and its machine went with it"
    assert left(vcenter) == [NAME, "other.bin"]
    other.write_bytes(b"")
    with hypervisor.write_disks(NAME, wanted.owner):
        """What was staged is whole: a retry only sends it."""
    with hypervisor.read_disks(NAME) as disks:
        assert contents(disks) == [data(2, SIZE)]


def test_one_that_is_too_small_for_what_the_packed_bytes_become(
    hypervisor: VsphereHypervisor, vcenter: VCenter, wanted: TargetSettings, other: Path, tmp_path: Path
) -> None:
    grow(other)
    with pytest.raises(OperatorNeededError) as caught:
        fill(hypervisor, NAME, wanted.owner, [b"packed" * (SIZE // 6) + b"...."], tmp_path)
    assert TOLD.fullmatch(str(caught.value))
    assert hypervisor.find(f"{NAME}-drover-upload") is None
    assert left(vcenter) == [NAME, "other.bin"]


def test_one_that_fills_up_while_the_bytes_go_into_its_files(
    hypervisor: VsphereHypervisor,
    vcenter: VCenter,
    wanted: TargetSettings,
    other: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def filled(*_: object) -> bool:
        grow(other)
        return False

    monkeypatch.setattr(disks_in, "_through_lease", filled)
    with pytest.raises(OperatorNeededError, match=r"^127\.0\.0\.1 has no room for what it was sent \(507 "):
        fill(hypervisor, NAME, wanted.owner, [data(2, SIZE)], tmp_path)
    assert left(vcenter) == [NAME, "other.bin"]
    other.write_bytes(b"")
    until = time.monotonic() + 60
    while next(pool.available for pool in hypervisor.pools() if pool.name == "small") < 2 * SIZE:
        assert time.monotonic() < until, "the server measures its room now and then"
        time.sleep(0.1)
    monkeypatch.setattr(disks_in, "_through_lease", lambda *_: False)
    with hypervisor.write_disks(NAME, wanted.owner):
        """A part of the file is there: it is written anew."""
    with hypervisor.read_disks(NAME) as disks:
        assert contents(disks) == [data(2, SIZE)]

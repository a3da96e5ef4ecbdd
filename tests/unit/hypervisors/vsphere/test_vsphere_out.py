"""Disks out of a vCenter: which parts are left out and why, and what waits in the staging folder for whom."""

import logging
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from movers import MIB, contents, data, fill, kvm_machine, settings
from vcenter_process import VCenter

from drover.blocks.nbd_client import Connection
from drover.blocks.ranges import Range
from drover.hypervisors.vsphere import folder, lease_out, lookup, nfc, tasks, used
from drover.hypervisors.vsphere.hypervisor import VsphereHypervisor
from drover.model import VirtualMachine

NAME = "out"
CONTENTS = [data(1, 6 * MIB), data(2, 3 * MIB)]


@pytest.fixture
def staging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DROVER_STAGING", str(tmp_path / "staging"))
    return tmp_path / "staging"


@pytest.fixture
def made(hypervisor: VsphereHypervisor, tmp_path: Path, staging: Path) -> Iterator[VirtualMachine]:
    """A machine of ours at the vCenter, its disks written."""
    machine = kvm_machine(NAME)
    wanted = settings(machine)
    hypervisor.define(machine, wanted)
    fill(hypervisor, NAME, wanted.owner, CONTENTS, tmp_path)
    yield hypervisor.machine(NAME)
    done(hypervisor, reference(hypervisor, NAME).RemoveAllSnapshots_Task())
    hypervisor.remove(NAME, wanted.owner)


def reference(hypervisor: VsphereHypervisor, name: str) -> Any:
    return lookup.require(hypervisor.session, name)


def done(hypervisor: VsphereHypervisor, task: Any) -> Any:
    return tasks.wait(hypervisor.session, task, "a test's change")


@pytest.mark.parametrize("witness", [5 * MIB, None, 6 * MIB], ids=["the same", "no witness", "another amount"])
def test_holes_are_skipped_where_the_datastore_bears_witness_to_them(
    hypervisor: VsphereHypervisor,
    made: VirtualMachine,
    witness: int | None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A list that forgets something names less than the datastore has allocated. The simulator tells files' lengths
    in the place of that, so what it says is given here."""
    from pyVmomi import vim

    caplog.set_level(logging.INFO)
    monkeypatch.setattr(used, "_allocated", lambda *_: witness)
    done(hypervisor, reference(hypervisor, NAME).ReconfigVM_Task(vim.vm.ConfigSpec(changeTrackingEnabled=True)))
    with hypervisor.read_disks(NAME) as endpoints:
        with Connection(endpoints["scsi0:0"]) as line:
            zeroes = [part for part, zero in line.zeroes(Range(0, 6 * MIB)) if zero]
        assert contents(endpoints) == CONTENTS
    assert zeroes == ([Range(MIB, MIB)] if witness == 5 * MIB else [])
    assert ("5242880 bytes are listed as written, and the datastore has given it" in caplog.text) is bool(not zeroes)


def test_what_the_datastore_has_allocated_is_asked_anew(hypervisor: VsphereHypervisor, made: VirtualMachine) -> None:
    machine = reference(hypervisor, NAME)
    assert used._allocated(hypervisor.session, machine, made.disks[0].path) == 6 * MIB
    assert used._allocated(hypervisor.session, machine, "[datastore1] nowhere/x.vmdk") is None


def test_a_thick_disk_and_a_list_that_lies_are_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    def device(thin: str) -> Any:
        text = f'<d xmlns="urn:vim25"><backing><fileName>[s] x.vmdk</fileName>{thin}</backing></d>'
        return ElementTree.fromstring(text)

    file, thin = folder.DataFile("d", "s", "x-flat.vmdk", 3 * MIB), "<thinProvisioned>true</thinProvisioned>"
    monkeypatch.setattr(used, "_listed", lambda *_: [(0, MIB)])
    monkeypatch.setattr(used, "_allocated", lambda *_: MIB)
    session: Any = None
    for zero, given, expected in ((True, thin, [(0, MIB)]), (True, "", None), (False, thin, None)):
        monkeypatch.setattr(folder, "truly_empty", lambda *_, zero=zero: zero)
        assert used.used(session, None, None, device(given), file) == expected


# Through a lease


def test_a_file_that_is_locked_comes_through_a_lease(
    hypervisor: VsphereHypervisor,
    vcenter: VCenter,
    made: VirtualMachine,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As ESXi may have the frozen file of a machine that runs: an answer of 500, and it stays so."""
    monkeypatch.setattr(folder, "_PAUSE", 0.01)
    caplog.set_level(logging.INFO)
    vcenter.ask("faults", faults={"locked": "-flat.vmdk"})
    try:
        with hypervisor.read_disks(NAME) as endpoints:
            assert contents(endpoints) == CONTENTS
            assert "through an export lease" in endpoints["scsi0:0"].label
    finally:
        vcenter.ask("faults", faults={})
    assert "disk scsi0:0: 127.0.0.1 answers 500 Internal Server Error to GET /folder/" in caplog.text


def test_a_line_that_breaks_is_no_reason_for_a_lease(
    hypervisor: VsphereHypervisor, vcenter: VCenter, made: VirtualMachine
) -> None:
    vcenter.ask("faults", faults={"drop_transfers": 2, "drop_after": 0})
    with hypervisor.read_disks(NAME) as endpoints:
        assert "through its datastore file" in endpoints["scsi0:0"].label
    assert vcenter.ask("faults")["drop_transfers"] == 0


@pytest.fixture
def chained(hypervisor: VsphereHypervisor, made: VirtualMachine) -> VirtualMachine:
    """Its disks lie upon a snapshot, so they come through an export lease."""
    done(hypervisor, reference(hypervisor, NAME).CreateSnapshot_Task("the user's own", "", False, False))
    return hypervisor.machine(NAME)


def read_and_be_killed(hypervisor: VsphereHypervisor) -> None:
    with pytest.raises(KeyboardInterrupt), hypervisor.read_disks(NAME):
        raise KeyboardInterrupt


def downloads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The disks that are downloaded from now on."""
    seen: list[str] = []
    real = nfc.Lease.download

    def told(lease: Any, disk: str, *given: Any) -> str:
        seen.append(disk)
        return real(lease, disk, *given)

    monkeypatch.setattr(nfc.Lease, "download", told)
    return seen


def test_a_retry_downloads_only_what_did_not_come_whole(
    hypervisor: VsphereHypervisor, chained: VirtualMachine, staging: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = downloads(monkeypatch)
    read_and_be_killed(hypervisor)
    assert seen == ["scsi0:0", "scsi0:1"]
    (place,) = staging.iterdir()
    (second,) = place.glob("scsi0_1*.vmdk")
    os.truncate(second, 512)
    read_and_be_killed(hypervisor)
    assert seen[2:] == ["scsi0:1"], "it is shorter than its seal says"
    second.with_suffix(".json").unlink()
    with hypervisor.read_disks(NAME) as endpoints:
        assert contents(endpoints) == CONTENTS
    assert seen[3:] == ["scsi0:1"], "without a seal it proves nothing"
    assert list(staging.iterdir()) == []


def test_nothing_is_trusted_before_it_is_on_the_disk(
    hypervisor: VsphereHypervisor, chained: VirtualMachine, staging: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut must not leave a seal for bytes that were only in the page cache."""

    def cut(_file: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(lease_out, "_sync", cut)
    with pytest.raises(KeyboardInterrupt):
        hypervisor.read_disks(NAME).__enter__()
    assert list(staging.glob("*/*.vmdk"))
    assert list(staging.glob("*/*.json")) == []


def test_a_clone_with_the_same_uuid_has_a_folder_of_its_own(
    hypervisor: VsphereHypervisor, made: VirtualMachine
) -> None:
    clone = replace(made, native=made.native.replace('"instanceUuid":"', '"instanceUuid":"5'))
    assert clone.native != made.native
    assert lease_out._staging(hypervisor.session, clone) != lease_out._staging(hypervisor.session, made)


def test_what_is_being_read_is_not_discarded_and_a_second_reader_waits(
    hypervisor: VsphereHypervisor, chained: VirtualMachine, staging: Path
) -> None:
    session, entered = hypervisor.session, threading.Event()

    def second() -> None:
        with lease_out._alone(session, chained) as place:
            assert place.exists()
            entered.set()

    with hypervisor.read_disks(NAME) as endpoints:
        lease_out.discard(session, chained)
        waiting = threading.Thread(target=second)
        waiting.start()
        assert contents(endpoints) == CONTENTS
        assert not entered.is_set()
    waiting.join(60)
    assert entered.is_set()
    lease_out.discard(session, chained)
    assert list(staging.iterdir()) == []

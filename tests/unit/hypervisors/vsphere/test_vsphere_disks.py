"""Disks into a vCenter and out of it, by each of the ways, with everything that goes wrong on the way."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from movers import MIB, ODD_NAME, contents, data, fill, kvm_machine, settings
from vcenter_process import VCenter

from drover.blocks.nbd_client import Connection
from drover.blocks.ranges import Range
from drover.errors import CorruptionError, OperatorNeededError
from drover.hypervisors.vsphere import disks_in, disks_out, nfc, tasks
from drover.hypervisors.vsphere.hypervisor import VsphereHypervisor
from drover.model import Ownership, PowerState, VirtualMachine

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


def reference(hypervisor: VsphereHypervisor, name: str) -> Any:
    from drover.hypervisors.vsphere import lookup

    return lookup.require(hypervisor.session, name)


def done(hypervisor: VsphereHypervisor, task: Any) -> Any:
    return tasks.wait(hypervisor.session, task, "a test's change")


def test_a_snapshot_chain_comes_through_a_lease(
    hypervisor: VsphereHypervisor, made: VirtualMachine, staging: Path, caplog: pytest.LogCaptureFixture
) -> None:
    machine = reference(hypervisor, ODD_NAME)
    done(hypervisor, machine.CreateSnapshot_Task("the user's own", "", False, False))
    caplog.set_level(logging.INFO)
    with hypervisor.read_disks(ODD_NAME) as endpoints:
        assert contents(endpoints) == CONTENTS
        assert "through an export lease" in endpoints["scsi0:0"].label
        assert list(staging.iterdir()) != []
    assert "disk scsi0:0 lies upon a snapshot chain" in caplog.text, "the reason is visible"
    assert list(staging.iterdir()) == []
    assert hypervisor.machine(ODD_NAME).snapshots == ("the user's own",), "what is not ours stays"
    done(hypervisor, machine.RemoveAllSnapshots_Task())


def test_a_lease_whose_bytes_are_altered_is_refused(
    hypervisor: VsphereHypervisor, made: VirtualMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = reference(hypervisor, ODD_NAME)
    done(hypervisor, machine.CreateSnapshot_Task("the user's own", "", False, False))
    real = nfc.Lease._download
    monkeypatch.setattr(nfc.Lease, "_download", lambda *given: "0" * len(real(*given)))
    with pytest.raises(CorruptionError, match=r"arrived with the SHA-1 0{40}, but the server sent [0-9a-f]{40}\."):
        hypervisor.read_disks(ODD_NAME).__enter__()
    done(hypervisor, machine.RemoveAllSnapshots_Task())


def test_a_download_that_breaks_is_tried_again(
    hypervisor: VsphereHypervisor, vcenter: VCenter, made: VirtualMachine
) -> None:
    machine = reference(hypervisor, ODD_NAME)
    done(hypervisor, machine.CreateSnapshot_Task("the user's own", "", False, False))
    vcenter.ask("faults", faults={"drop_transfers": 2, "drop_after": MIB})
    with hypervisor.read_disks(ODD_NAME) as endpoints:
        assert contents(endpoints) == CONTENTS
    assert vcenter.ask("faults")["drop_transfers"] == 0
    done(hypervisor, machine.RemoveAllSnapshots_Task())


def test_a_disk_that_changes_meanwhile_has_another_version(
    hypervisor: VsphereHypervisor, vcenter: VCenter, made: VirtualMachine
) -> None:
    import os

    with hypervisor.read_disks(ODD_NAME) as endpoints:
        before = {name: endpoint.version for name, endpoint in endpoints.items()}
    flat = vcenter.folder / "datastore1" / made.disks[1].path.partition("] ")[2].replace(".vmdk", "-flat.vmdk")
    os.utime(flat, (1, 1))
    with hypervisor.read_disks(ODD_NAME) as endpoints:
        after = {name: endpoint.version for name, endpoint in endpoints.items()}
    assert before["scsi0:1"] != after["scsi0:1"]


def test_what_cannot_be_read_is_refused(hypervisor: VsphereHypervisor, made: VirtualMachine) -> None:
    def read(state: PowerState = PowerState.OFF, devices: tuple[str, ...] = (), **changes: Any) -> None:
        disk = replace(made.disks[0], **changes)
        machine = replace(made, state=state, devices=devices, disks=(disk, *made.disks[1:]))
        with disks_out.read_disks(hypervisor.session, machine):
            pytest.fail("it was read")

    where = r"Disk scsi0:0 of machine 'it's .*' on 127\.0\.0\.1"
    with pytest.raises(OperatorNeededError, match=where + r" stands for a LUN \(raw device mapping\)"):
        read(raw_mapping=True)
    with pytest.raises(OperatorNeededError, match=where + r" is independent: a snapshot leaves it out"):
        read(PowerState.RUNNING, independent=True)
    with pytest.raises(OperatorNeededError, match=where + r" is encrypted"):
        read(devices=("disk-encryption scsi0:0",))
    with pytest.raises(OperatorNeededError, match=r"neither running nor off \(it is suspended\)"):
        read(PowerState.OTHER)
    with pytest.raises(OperatorNeededError, match=r"was started while its disks were read"):
        _started(hypervisor, made)


def _started(hypervisor: VsphereHypervisor, made: VirtualMachine) -> None:
    from unittest import mock

    with mock.patch.object(disks_out, "state_of", return_value=PowerState.RUNNING), hypervisor.read_disks(made.name):
        pass


# In


def _write_and_be_killed(hypervisor: VsphereHypervisor, owner: Ownership, labels: list[str], *, again: bool) -> None:
    with hypervisor.write_disks("again", owner) as targets:
        labels += [target.label for target in targets.values()]
        with Connection(targets["scsi0:0"]) as line:
            assert line.read(Range(0, 4096)) == (b"x" if again else b"\0") * 4096
            line.write(bytearray(b"x" * 4096), Range(0, 4096))
            line.flush()
        raise KeyboardInterrupt


def test_a_retry_goes_on_with_what_was_staged(hypervisor: VsphereHypervisor, tmp_path: Path, staging: Path) -> None:
    machine = kvm_machine("again")
    wanted = settings(machine)
    hypervisor.define(machine, wanted)
    labels: list[str] = []
    for number in range(2):
        with pytest.raises(KeyboardInterrupt):
            _write_and_be_killed(hypervisor, wanted.owner, labels, again=number > 0)
    assert labels[:2] == labels[2:], "the journal is bound to the label"
    fill(hypervisor, "again", wanted.owner, CONTENTS, tmp_path)
    with hypervisor.write_disks("again", wanted.owner) as targets:
        assert [target.label for target in targets.values()] != labels[:2], "what was sent is not what is staged now"
    hypervisor.remove("again", wanted.owner)
    assert list(staging.iterdir()) == []


def test_an_upload_that_breaks_or_is_killed_is_repeated(
    hypervisor: VsphereHypervisor, vcenter: VCenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = kvm_machine("upload")
    wanted = settings(machine)
    hypervisor.define(machine, wanted)
    vcenter.ask("faults", faults={"drop_transfers": 2, "drop_after": MIB})
    swap = disks_in._swap

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(disks_in, "_swap", killed)
    with pytest.raises(KeyboardInterrupt):
        fill(hypervisor, "upload", wanted.owner, CONTENTS, tmp_path)
    assert vcenter.ask("faults")["drop_transfers"] == 0
    assert hypervisor.find("upload-drover-upload") is not None
    monkeypatch.setattr(disks_in, "_swap", swap)
    with hypervisor.write_disks("upload", wanted.owner):
        """What was staged is whole already."""
    with hypervisor.read_disks("upload") as endpoints:
        assert contents(endpoints) == CONTENTS
    assert hypervisor.find("upload-drover-upload") is None
    hypervisor.remove("upload", wanted.owner)


def test_without_a_lease_the_bytes_go_into_the_files(
    hypervisor: VsphereHypervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As with a user who may not import: the right VApp.Import is missing."""
    from pyVmomi import vim

    def refused(*_: Any, **__: Any) -> None:
        raise vim.fault.NoPermission(privilegeId="VApp.Import", msg="no")

    caplog.set_level(logging.INFO)
    machine = kvm_machine("files")
    wanted = settings(machine)
    hypervisor.define(machine, wanted)
    monkeypatch.setattr(vim.ResourcePool, "ImportVApp", refused)
    fill(hypervisor, "files", wanted.owner, CONTENTS, tmp_path)
    assert "go into its datastore files: no lease is offered (NoPermission)" in caplog.text
    with hypervisor.read_disks("files") as endpoints:
        assert contents(endpoints) == CONTENTS
    hypervisor.remove("files", wanted.owner)


def test_without_a_lease_a_datastore_that_has_no_such_files_is_refused(
    hypervisor: VsphereHypervisor, vcenter: VCenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on vSAN: a file that we made there would be read back, and the disk itself stay empty."""
    from pyVmomi import vim

    def refused(*_: Any, **__: Any) -> None:
        raise vim.fault.NoPermission(privilegeId="VApp.Import", msg="no")

    machine = kvm_machine("objects")
    wanted = settings(machine)
    hypervisor.define(machine, wanted)
    monkeypatch.setattr(vim.ResourcePool, "ImportVApp", refused)
    for disk in hypervisor.machine("objects").disks:
        (vcenter.folder / "datastore1" / disk.path.partition("] ")[2].replace(".vmdk", "-flat.vmdk")).unlink()
    with pytest.raises(OperatorNeededError, match=r"cannot be written into the files of .* answers 404 Not Found"):
        fill(hypervisor, "objects", wanted.owner, CONTENTS, tmp_path)
    hypervisor.remove("objects", wanted.owner)


def test_a_full_datastore_is_told(hypervisor: VsphereHypervisor, tmp_path: Path) -> None:
    machine = kvm_machine("full")
    big = replace(machine, disks=(replace(machine.disks[0], size=100 * MIB, allocated=90 * MIB),))
    wanted = settings(big, pool="small")
    with pytest.raises(OperatorNeededError) as caught:
        hypervisor.define(big, wanted)
    assert str(caught.value).startswith("The datastore 'small' on 127.0.0.1 is too full: 94371840 bytes are needed, ")
    assert caught.value.remedy == "Make room there, or map the storage to another datastore."
    assert hypervisor.find("full") is None
    # The source did not know how much it would be; the packed disk does.
    thin = replace(big, disks=(replace(big.disks[0], allocated=0),))
    hypervisor.define(thin, wanted)
    with pytest.raises(
        OperatorNeededError, match=r"The datastore 'small' on 127\.0\.0\.1 is full: \d+ bytes are needed"
    ):
        fill(hypervisor, "full", wanted.owner, [data(5, 100 * MIB)], tmp_path)
    hypervisor.remove("full", wanted.owner)


def test_staging_that_is_too_small_is_told_before(
    hypervisor: VsphereHypervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    machine = kvm_machine("room")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(10, 9, 1))  # type: ignore[attr-defined]
    with pytest.raises(OperatorNeededError, match=r"needs 14680064 bytes in the staging folder .*, and 1 are free"):
        hypervisor.define(machine, settings(machine))
    assert hypervisor.find("room") is None


def test_what_is_not_ours_is_not_written_to(hypervisor: VsphereHypervisor, made: VirtualMachine) -> None:
    other = settings(made, wave="another").owner
    with pytest.raises(OperatorNeededError, match=r"was not made by this move, so it is not written to\."):
        hypervisor.write_disks(ODD_NAME, other).__enter__()

"""Snapshots, changed areas, leases, datastores: the bytes are real."""

import hashlib
from pathlib import Path

import pytest
from pyVmomi import vim
from vcenter_client import MIB, Client, TaskFailed, raw, stream_optimized, write

from drover_lab.lab import Lab

pytestmark = pytest.mark.lab
BLOCK = 64 * 1024


def snapshot(near: Client, machine: object, name: str) -> object:
    task = machine.CreateSnapshot_Task(name=name, memory=False, quiesce=True)  # type: ignore[attr-defined]
    return near.wait(task)


def test_a_snapshot_freezes_the_bytes_of_a_machine_that_goes_on(vlab: Lab, near: Client) -> None:
    machine = near.machine("shop")
    base = near.disks(machine)[0].backing.fileName
    assert near.request("GET", near.flat(base))[0] == 500, "what a running machine writes to is locked"
    frozen = snapshot(near, machine, "frozen")
    now = near.disks(machine)[0].backing
    assert now.fileName == "[datastore1] shop/shop-000001.vmdk"
    assert now.parent.fileName == base
    first = hashlib.sha256(near.request("GET", near.flat(base))[1]).hexdigest()
    ticks = len(vlab.journal("shop"))
    near.until(lambda: len(vlab.journal("shop")) > ticks + 3)
    assert hashlib.sha256(near.request("GET", near.flat(base))[1]).hexdigest() == first
    near.wait(frozen.RemoveSnapshot_Task(removeChildren=False))  # type: ignore[attr-defined]
    assert machine.snapshot is None
    assert near.disks(machine)[0].backing.fileName == base
    later = vlab.journal("shop")
    near.until(lambda: len(vlab.journal("shop")) > len(later) + 2)
    near.wait(machine.PowerOffVM_Task())
    near.wait(machine.PowerOnVM_Task())
    vlab.wait_healthy("shop")
    assert vlab.journal("shop")[: len(later)] == later, "what was written meanwhile was merged"


def test_a_parent_is_removed_without_its_children(near: Client, tmp_path: Path) -> None:
    machine = near.create("chain")
    write(machine, near, 0, b"one" * 1000)
    first = snapshot(near, machine, "first")
    write(machine, near, MIB, b"two" * 1000)
    second = snapshot(near, machine, "second")
    write(machine, near, 2 * MIB, b"three" * 1000)
    near.wait(first.RemoveSnapshot_Task(removeChildren=False))  # type: ignore[attr-defined]
    assert [root.name for root in machine.snapshot.rootSnapshotList] == ["second"]
    # The second still holds what it froze: the first two pieces, and not the third.
    base = near.disks(second)[0].backing.fileName
    content = near.request("GET", near.flat(base))[1]
    assert content[:3000] == b"one" * 1000
    assert content[MIB : MIB + 3000] == b"two" * 1000
    assert content[2 * MIB : 2 * MIB + 5] == b"\0" * 5
    near.wait(machine.RevertToCurrentSnapshot_Task())
    near.wait(machine.RemoveAllSnapshots_Task())
    content = near.request("GET", near.flat(near.disks(machine)[0].backing.fileName))[1]
    assert content[MIB : MIB + 3] == b"two"
    assert content[2 * MIB : 2 * MIB + 5] == b"\0" * 5, "the machine went back to the second"


def test_two_branches_of_snapshots_keep_their_own(near: Client) -> None:
    machine = near.create("branches")
    write(machine, near, 0, b"root")
    root = snapshot(near, machine, "root")
    write(machine, near, MIB, b"left")
    left = snapshot(near, machine, "left")
    near.wait(root.RevertToSnapshot_Task())  # type: ignore[attr-defined]
    write(machine, near, MIB, b"rite")
    right = snapshot(near, machine, "right")
    near.wait(root.RemoveSnapshot_Task(removeChildren=False))  # type: ignore[attr-defined]
    assert sorted(one.name for one in machine.snapshot.rootSnapshotList) == ["left", "right"]
    for one, expected in ((left, b"left"), (right, b"rite")):
        near.wait(one.RevertToSnapshot_Task())  # type: ignore[attr-defined]
        near_image = exported(near, one)
        assert near_image[:4] == b"root"
        assert near_image[MIB : MIB + 4] == expected
    near.wait(machine.RemoveAllSnapshots_Task())


def exported(near: Client, of: object) -> bytes:
    """What an export lease of a snapshot or a machine hands out, as raw bytes."""
    import tempfile

    lease = of.ExportSnapshot() if isinstance(of, vim.vm.Snapshot) else of.ExportVm()  # type: ignore[attr-defined]
    near.until(lambda: lease.state == "ready")
    path = lease.info.deviceUrl[0].url.removeprefix(f"https://{near.connection['host']}:443")
    status, image = near.request("GET", path)
    assert status == 200
    entry = lease.HttpNfcLeaseGetManifest()[0]
    assert (entry.sha1, entry.size) == (hashlib.sha1(image).hexdigest(), len(image))
    lease.HttpNfcLeaseComplete()
    with tempfile.TemporaryDirectory() as folder:
        return raw(image, Path(folder))


def test_changed_areas_are_the_real_differences(near: Client) -> None:
    machine = near.create("changes")
    write(machine, near, 5 * BLOCK, b"before" * 100)
    near.wait(machine.ReconfigVM_Task(vim.vm.ConfigSpec(changeTrackingEnabled=True)))
    first = snapshot(near, machine, "first")
    disk = near.disks(first)[0]
    key, since = disk.key, disk.backing.changeId
    assert since
    everything = machine.QueryChangedDiskAreas(first, key, 0, "*")
    assert [(one.start, one.length) for one in everything.changedArea] == [(5 * BLOCK, 4096)]
    near.wait(first.RemoveSnapshot_Task(removeChildren=False))  # type: ignore[attr-defined]
    write(machine, near, 7 * BLOCK + 100, b"after")
    write(machine, near, 20 * BLOCK, b"x" * (2 * BLOCK))
    write(machine, near, 5 * BLOCK, b"before" * 100)  # the same again is no change
    second = snapshot(near, machine, "second")
    found = machine.QueryChangedDiskAreas(second, key, 0, since)
    assert [(one.start, one.length) for one in found.changedArea] == [(7 * BLOCK, BLOCK), (20 * BLOCK, 2 * BLOCK)]
    assert (found.startOffset, found.length) == (0, 8 * MIB)
    later = machine.QueryChangedDiskAreas(second, key, 8 * BLOCK, since)
    assert [one.start for one in later.changedArea] == [20 * BLOCK]
    with pytest.raises(vim.fault.FileFault):
        machine.QueryChangedDiskAreas(second, key, 0, "somebody else's/1")


def test_an_export_holds_the_disk(near: Client) -> None:
    machine = near.create("export")
    write(machine, near, MIB, b"content" * 1000)
    flat = near.request("GET", near.flat(near.disks(machine)[0].backing.fileName))[1]
    assert flat[MIB : MIB + 7] == b"content"
    assert exported(near, machine) == flat


def test_a_machine_that_runs_is_not_exported(near: Client) -> None:
    with pytest.raises(vim.fault.InvalidPowerState):
        near.machine("shop").ExportVm()


def imported(near: Client, name: str, **options: object) -> object:
    specification = vim.vm.VmImportSpec(configSpec=near.specification(name, **options))  # type: ignore[arg-type]
    lease = near.cluster.resourcePool.ImportVApp(specification, near.datacenter.vmFolder)
    near.until(lambda: lease.state != "initializing")
    return lease


def test_an_import_becomes_the_disk(near: Client, tmp_path: Path) -> None:
    content = bytes(MIB) + b"hello" * 100_000
    content += bytes(8 * MIB - len(content))
    lease = imported(near, "import")
    url = lease.info.deviceUrl[0].url  # type: ignore[attr-defined]
    path = url.removeprefix(f"https://{near.connection['host']}:443")
    image = stream_optimized(content, tmp_path)
    assert near.request("POST", path, image)[0] == 200
    lease.HttpNfcLeaseProgress(100)  # type: ignore[attr-defined]
    assert lease.HttpNfcLeaseGetManifest()[0].sha1 == hashlib.sha1(image).hexdigest()  # type: ignore[attr-defined]
    lease.HttpNfcLeaseComplete()  # type: ignore[attr-defined]
    machine = near.machine("import")
    assert near.request("GET", near.flat(near.disks(machine)[0].backing.fileName))[1] == content


def test_what_is_no_disk_is_refused(near: Client) -> None:
    lease = imported(near, "nonsense")
    url = lease.info.deviceUrl[0].url  # type: ignore[attr-defined]
    assert near.request("PUT", url.removeprefix(f"https://{near.connection['host']}:443"), b"nonsense")[0] == 500
    lease.HttpNfcLeaseAbort()  # type: ignore[attr-defined]
    assert "nonsense" not in [machine.name for machine in near.machines()]


def test_a_lease_that_nobody_uses_ends(vlab: Lab, near: Client) -> None:
    vlab.ask_vcenter("vc-a", "lease-timeout", lease_timeout=1)
    lease = imported(near, "late")
    near.until(lambda: lease.state == "error", 20)  # type: ignore[attr-defined]
    assert isinstance(lease.error, vim.fault.Timedout)  # type: ignore[attr-defined]
    near.until(lambda: "late" not in [machine.name for machine in near.machines()])


def test_a_datastore_can_be_full(near: Client) -> None:
    with pytest.raises(TaskFailed, match="not enough space on the datastore small") as caught:
        near.create("large", 65 * MIB, datastore="small", thin=False)
    assert caught.value.fault.datastore == "small"
    random = hashlib.shake_256(b"x").digest(MIB) * 70
    status, text = near.request("PUT", near.file("[small] large.bin"), random)
    assert status == 507
    assert b"full" in text
    assert near.request("GET", near.file("[small] large.bin"))[0] == 404
    lease = imported(near, "full", datastore="small", thin=False, capacities=(65 * MIB,))
    assert lease.state == "error"  # type: ignore[attr-defined]
    assert isinstance(lease.error, vim.fault.NoDiskSpace)  # type: ignore[attr-defined]


def test_files_are_put_and_deleted(near: Client) -> None:
    path = near.file("[small] a folder/100%2f.bin")
    assert near.request("PUT", path, b"x" * MIB)[0] == 201
    assert near.request("GET", path) == (200, b"x" * MIB)
    near.until(lambda: near.datastore("small").summary.freeSpace < 64 * MIB)
    assert near.request("DELETE", path)[0] == 204
    assert near.request("GET", path)[0] == 404
    assert near.request("DELETE", near.file("[small] a folder"))[0] == 204
    assert near.request("GET", "/folder/../../vcenter.json?dsName=small")[0] == 404

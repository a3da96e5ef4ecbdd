"""Machines move: to another host, another datastore, another vCenter, while they run or not."""

import hashlib
import ssl
from pathlib import Path
from typing import Any

import pytest
from pyVmomi import vim, vmodl
from vcenter_client import MIB, Client, TaskFailed, write

from drover_lab.lab import Lab

pytestmark = pytest.mark.lab


def locator(to: Client, *, password: str | None = None, thumbprint: str | None = None) -> Any:
    pem = ssl.get_server_certificate((to.connection["host"], 443))
    digest = hashlib.sha1(ssl.PEM_cert_to_DER_cert(pem)).hexdigest().upper()
    return vim.ServiceLocator(
        instanceUuid=to.content.about.instanceUuid,
        url=f"https://{to.connection['host']}",
        credential=vim.ServiceLocatorNamePassword(
            username=to.connection["login"], password=password or to.connection["password"]
        ),
        sslThumbprint=thumbprint or ":".join(digest[i : i + 2] for i in range(0, 40, 2)),
    )


def place(to: Client, **options: Any) -> Any:
    return vim.vm.RelocateSpec(
        service=locator(to, **options),
        host=to.cluster.host[1],
        pool=to.cluster.resourcePool,
        datastore=to.datastore("datastore1"),
        folder=to.datacenter.vmFolder,
    )


def check(client: Client, machine: Any, spec: Any) -> list[Any]:
    checker = client.content.vmProvisioningChecker
    result = client.wait(checker.CheckRelocate_Task(machine, spec))
    return list(result[0].error)


def gaps(lab: Lab, name: str) -> list[int]:
    ticks = lab.journal(name)
    return [after[1] - before[1] for before, after in zip(ticks, ticks[1:], strict=False)]


def test_to_another_host(near: Client) -> None:
    machine = near.machine("shop")
    first, second = near.cluster.host
    near.wait(machine.RelocateVM_Task(vim.vm.RelocateSpec(host=second)))
    assert machine.runtime.host == second
    assert machine in second.vm
    assert machine not in first.vm
    near.wait(machine.RelocateVM_Task(vim.vm.RelocateSpec(host=first)))


def test_to_another_datastore_and_back_while_it_runs(vlab: Lab, near: Client) -> None:
    machine = near.machine("shop")
    before = vlab.journal("shop")
    near.wait(machine.RelocateVM_Task(vim.vm.RelocateSpec(datastore=near.datastore("datastore2"))))
    assert machine.config.files.vmPathName == "[datastore2] shop/shop.vmx"
    assert near.disks(machine)[0].backing.fileName == "[datastore2] shop/shop.vmdk"
    assert [store.name for store in machine.datastore] == ["datastore2"]
    assert near.request("GET", near.file("[datastore1] shop/shop.vmdk"))[0] == 404
    near.until(lambda: len(vlab.journal("shop")) > len(before) + 3)
    assert vlab.journal("shop")[: len(before)] == before
    near.wait(machine.RelocateVM_Task(vim.vm.RelocateSpec(datastore=near.datastore("datastore1"))))
    assert near.disks(machine)[0].backing.fileName == "[datastore1] shop/shop.vmdk"


def test_off_with_snapshots_to_another_datastore(near: Client) -> None:
    machine = near.create("still")
    write(machine, near, 0, b"base")
    near.wait(machine.CreateSnapshot_Task(name="one", memory=False, quiesce=False))
    write(machine, near, MIB, b"delta")
    near.wait(machine.RelocateVM_Task(vim.vm.RelocateSpec(datastore=near.datastore("datastore2"))))
    near.wait(machine.RemoveAllSnapshots_Task())
    content = near.request("GET", near.flat(near.disks(machine)[0].backing.fileName))[1]
    assert (content[:4], content[MIB : MIB + 5]) == (b"base", b"delta")


def test_to_another_vcenter_and_back_without_a_missing_tick(vlab: Lab, near: Client, far: Client) -> None:
    machine = near.machine("mail")
    before = vlab.journal("mail")
    spec = place(far)
    assert check(near, machine, spec) == []
    seen: list[int] = []
    near.wait(machine.RelocateVM_Task(spec), watch=lambda info: seen.append(info.progress or 0))
    assert any(0 < percent < 100 for percent in seen)
    assert vlab.states()["vc-b"]["mail"] == "running"
    assert "mail" not in vlab.states()["vc-a"]
    there = far.machine("mail")
    assert there.config.firmware == "efi"
    assert there.config.uuid
    assert there.runtime.host == far.cluster.host[1]
    card = next(device for device in there.config.hardware.device if hasattr(device, "macAddress"))
    assert card.macAddress == vlab.machines["mail"].mac
    near.until(lambda: len(vlab.journal("mail")) > len(before) + 5)
    journal = vlab.journal("mail")
    assert journal[: len(before)] == before
    assert [number for number, _ in journal] == list(range(1, len(journal) + 1))
    assert near.request("GET", near.file("[datastore1] mail/mail.vmdk"))[0] == 404
    back = place(near)
    back.host = near.cluster.host[0]
    far.wait(there.RelocateVM_Task(back))
    vlab.wait_healthy("mail")
    assert vlab.states()["vc-a"]["mail"] == "running"


def test_off_to_another_vcenter(near: Client, far: Client) -> None:
    machine = near.create("cold")
    write(machine, near, MIB, b"content" * 100)
    near.wait(machine.RelocateVM_Task(place(far)))
    there = far.machine("cold")
    content = far.request("GET", far.flat(far.disks(there)[0].backing.fileName))[1]
    assert content[MIB : MIB + 7] == b"content"
    assert "cold" not in [one.name for one in near.machines()]


def test_cancelled_it_stays(vlab: Lab, near: Client, far: Client) -> None:
    vlab.set_link_rate("20mbit")
    try:
        machine = near.machine("mail")
        task = machine.RelocateVM_Task(place(far))
        near.until(lambda: task.info.progress or task.info.state != "running")
        assert task.info.cancelable
        task.CancelTask()
        with pytest.raises(TaskFailed) as caught:
            near.wait(task)
        assert isinstance(caught.value.fault, vmodl.fault.RequestCanceled)
    finally:
        vlab.set_link_rate("800mbit")
    assert vlab.states()["vc-a"]["mail"] == "running"
    assert "mail" not in vlab.states()["vc-b"]
    before = len(vlab.journal("mail"))
    near.until(lambda: len(vlab.journal("mail")) > before + 2)


def test_a_wrong_thumbprint_and_a_wrong_password_are_refused(near: Client, far: Client) -> None:
    machine = near.create("trust")
    assert [type(fault) for fault in check(near, machine, place(far, thumbprint="AA:" * 19 + "AA"))] == [
        vim.fault.SSLVerifyFault
    ]
    assert [type(fault) for fault in check(near, machine, place(far, password="wrong"))] == [vim.fault.InvalidLogin]
    with pytest.raises(TaskFailed) as caught:
        near.wait(machine.RelocateVM_Task(place(far, password="wrong")))
    assert isinstance(caught.value.fault, vim.fault.InvalidLogin)


def test_what_is_in_the_way_is_said(near: Client, far: Client, tmp_path: Path) -> None:
    machine = near.create("obstacles", 70 * MIB)
    write(machine, near, 0, hashlib.shake_256(b"x").digest(66 * MIB))
    full = vim.vm.RelocateSpec(datastore=near.datastore("small"))
    assert [type(fault) for fault in check(near, machine, full)] == [vim.fault.NoDiskSpace]
    host = near.cluster.host[1]
    near.wait(host.EnterMaintenanceMode_Task(timeout=5))
    try:
        assert "maintenance" in check(near, machine, vim.vm.RelocateSpec(host=host))[0].faultMessage[0].message
    finally:
        near.wait(host.ExitMaintenanceMode_Task(timeout=0))
    option = vim.option.OptionValue(key="drover.cpu", value="incompatible")
    near.wait(machine.ReconfigVM_Task(vim.vm.ConfigSpec(extraConfig=[option])))
    assert vim.fault.CpuIncompatible in [type(fault) for fault in check(near, machine, place(far))]
    far.create("obstacles")
    assert len(check(near, machine, place(far))) == 2


def test_a_host_with_machines_does_not_enter_maintenance(near: Client) -> None:
    with pytest.raises(TaskFailed) as caught:
        near.wait(near.machine("shop").runtime.host.EnterMaintenanceMode_Task(timeout=1))
    assert isinstance(caught.value.fault, vim.fault.Timedout)

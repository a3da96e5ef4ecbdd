"""What the vCenter tests share: a client made of pyvmomi and the standard library's HTTPS."""

import base64
import http.client
import ssl
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pyVim.connect import Disconnect, SmartConnect
from pyVmomi import vim

from drover_lab.lab import Lab

MIB = 1024 * 1024
KEEP = ("shop", "mail")


class TaskFailed(Exception):
    """A task's fault, with what it says."""

    def __init__(self, fault: Any) -> None:
        self.fault = fault
        super().__init__(" ".join(message.message for message in fault.faultMessage or ()) or fault.msg)


class Client:
    def __init__(self, lab: Lab, host: str) -> None:
        self.lab, self.host = lab, host
        self.connection = lab.connection(host)
        self.trust = ssl.create_default_context(cafile=self.connection["extra"]["ca_file"])
        self.instance = self.login(self.connection["password"])
        self.content = self.instance.content
        self.datacenter = self.content.rootFolder.childEntity[0]
        self.cluster = self.datacenter.hostFolder.childEntity[0]

    def login(self, password: str) -> Any:
        return SmartConnect(
            host=self.connection["host"], user=self.connection["login"], pwd=password, sslContext=self.trust
        )

    def tidy(self) -> None:
        self.instance = self.login(self.connection["password"])
        self.content = self.instance.content
        for machine in self.machines():
            if machine.name not in KEEP:
                if machine.runtime.powerState != "poweredOff":
                    self.wait(machine.PowerOffVM_Task())
                self.wait(machine.Destroy_Task())
        Disconnect(self.instance)

    def machines(self) -> list[Any]:
        view = self.content.viewManager.CreateContainerView(self.content.rootFolder, [vim.VirtualMachine], True)
        found = list(view.view)
        view.Destroy()
        return found

    def machine(self, name: str) -> Any:
        return next(machine for machine in self.machines() if machine.name == name)

    def wait(self, task: Any, seconds: float = 120, watch: Callable[[Any], None] | None = None) -> Any:
        deadline = time.monotonic() + seconds
        while (info := task.info).state not in ("success", "error"):
            assert time.monotonic() < deadline, f"{info.descriptionId} does not end"
            if watch:
                watch(info)
            time.sleep(0.1)
        if info.state == "error":
            raise TaskFailed(info.error)
        return info.result

    def until(self, what: Callable[[], Any], seconds: float = 90) -> Any:
        deadline = time.monotonic() + seconds
        while not (found := what()):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        return found

    def network(self, name: str) -> Any:
        return next(network for network in self.datacenter.network if network.name == name)

    def datastore(self, name: str) -> Any:
        return next(store for store in self.datacenter.datastore if store.name == name)

    def specification(
        self, name: str, capacities: Iterable[int] = (8 * MIB,), *, datastore: str = "datastore1", thin: bool = True
    ) -> Any:
        devices = [vim.vm.device.ParaVirtualSCSIController(key=-1, busNumber=0, sharedBus="noSharing")]
        for unit, capacity in enumerate(capacities):
            backing = vim.vm.device.VirtualDisk.FlatVer2BackingInfo(
                fileName=f"[{datastore}]", diskMode="persistent", thinProvisioned=thin
            )
            devices.append(
                vim.vm.device.VirtualDisk(
                    key=-10 - unit, controllerKey=-1, unitNumber=unit, capacityInBytes=capacity, backing=backing
                )
            )
        changes = [vim.vm.device.VirtualDeviceSpec(operation="add", device=device) for device in devices]
        for change in changes[1:]:
            change.fileOperation = "create"
        return vim.vm.ConfigSpec(
            name=name,
            guestId="otherGuest64",
            numCPUs=1,
            memoryMB=64,
            files=vim.vm.FileInfo(vmPathName=f"[{datastore}]"),
            deviceChange=changes,
        )

    def create(self, name: str, *capacities: int, **options: Any) -> Any:
        specification = self.specification(name, capacities or (8 * MIB,), **options)
        task = self.datacenter.vmFolder.CreateVM_Task(config=specification, pool=self.cluster.resourcePool)
        return self.wait(task)

    def request(
        self, method: str, path: str, body: Any = None, *, login: bool = True, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        """One HTTPS request; `path` without its host. The body is read to its end."""
        line = http.client.HTTPSConnection(self.connection["host"], 443, context=self.trust, timeout=60)
        sent = dict(headers or {})
        if login:
            secret = f"{self.connection['login']}:{self.connection['password']}".encode()
            sent["Authorization"] = f"Basic {base64.b64encode(secret).decode()}"
        try:
            line.request(method, path, body=body, headers=sent)
            answer = line.getresponse()
            return answer.status, answer.read()
        finally:
            line.close()

    def file(self, name: str) -> str:
        """The path of a datastore's file, `[datastore1] shop/shop.vmdk`, at the HTTPS server."""
        store, _, path = name.removeprefix("[").partition("] ")
        return f"/folder/{quote(path)}?dcPath={quote(self.datacenter.name)}&dsName={quote(store)}"

    def flat(self, disk_name: str) -> str:
        return self.file(disk_name.removesuffix(".vmdk") + "-flat.vmdk")

    def disks(self, of: Any) -> list[Any]:
        return [device for device in of.config.hardware.device if isinstance(device, vim.vm.device.VirtualDisk)]


def write(machine: Any, client: Client, offset: int, text: bytes) -> None:
    """Changes a disk of a machine that is off, as its guest would have: in the file that is written to now."""
    from drover_lab.vcenter import host

    name = client.disks(machine)[0].backing.fileName
    store, _, path = name.removeprefix("[").partition("] ")
    folder = host.datastore(client.lab.topology.host(client.host), store)
    flat = folder / (path.removesuffix(".vmdk") + "-flat.vmdk")
    delta = folder / (path.removesuffix(".vmdk") + "-sesparse.vmdk")
    file, kind = (delta, "qcow2") if delta.exists() else (flat, "raw")
    source = Path(f"/tmp/{machine.name}.piece")
    source.write_bytes(text)
    try:
        run = ["qemu-io", "-f", kind, "-c", f"write -s {source} {offset} {len(text)}", str(file)]
        subprocess.run(run, check=True, capture_output=True)
    finally:
        source.unlink()


def raw(image: bytes, folder: Path) -> bytes:
    """What a VMDK that was downloaded holds."""
    (folder / "image.vmdk").write_bytes(image)
    command = ["qemu-img", "convert", "-f", "vmdk", "-O", "raw", str(folder / "image.vmdk"), str(folder / "image.raw")]
    subprocess.run(command, check=True)
    return (folder / "image.raw").read_bytes()


def stream_optimized(content: bytes, folder: Path) -> bytes:
    (folder / "content.raw").write_bytes(content)
    target = folder / "content.vmdk"
    command = ["qemu-img", "convert", "-f", "raw", "-O", "vmdk", "-o", "subformat=streamOptimized"]
    subprocess.run([*command, str(folder / "content.raw"), str(target)], check=True)
    return target.read_bytes()

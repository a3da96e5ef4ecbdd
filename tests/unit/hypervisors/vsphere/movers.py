"""Machines to be moved to and from the tests' vCenter, with bytes in their disks."""

import random
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from drover.blocks.endpoint import Endpoint
from drover.blocks.images import serve_image
from drover.blocks.mover import copy
from drover.blocks.throttle import Throttle
from drover.hypervisors.port import TargetSettings
from drover.hypervisors.vsphere.hypervisor import VsphereHypervisor
from drover.model import Cpu, Disk, DiskFormat, Firmware, Nic, Ownership, PowerState, VirtualMachine

MIB = 1 << 20
ODD_NAME = "it's odd; $(id) <&>"
UUID = "0b671a64-40d5-491e-99b0-da01ff1f3341"


def data(seed: int, size: int) -> bytes:
    content = bytearray(random.Random(seed).randbytes(size))
    content[MIB : 2 * MIB] = bytes(MIB)
    return bytes(content)


def kvm_machine(name: str = ODD_NAME, **changes: Any) -> VirtualMachine:
    """As a KVM host tells of it."""
    made = VirtualMachine(
        name=name,
        uuid=UUID,
        hypervisor="libvirt",
        host="kvm-a",
        state=PowerState.OFF,
        cpu=Cpu(count=4, sockets=2, cores=1, threads=2),
        memory=192 * MIB,
        firmware=Firmware.UEFI,
        disks=(
            Disk("vda", "/x/a", "default", DiskFormat.QCOW2, 6 * MIB, 5 * MIB, "virtio"),
            Disk("vdb", "/x/b", "default", DiskFormat.RAW, 3 * MIB, 2 * MIB, "virtio", serial="abc"),
        ),
        nics=(Nic("52:54:00:0a:0b:0c", "production", "virtio"), Nic("00:50:56:91:02:03", "lan", "e1000")),
        autostart=True,
        boot_order=("vda", "52:54:00:0a:0b:0c"),
        machine_type="q35",
        native="<domain/>",
    )
    return replace(made, **changes)


def settings(
    machine: VirtualMachine, *, wave: str = "wave-1", pool: str = "datastore1", **changes: Any
) -> TargetSettings:
    owner = Ownership(wave=wave, run="run-1", machine=machine.name, source_uuid=machine.uuid, role="target")
    wanted = TargetSettings(
        networks={"production": "production", "lan": "VM Network"},
        storage={"default": pool, "datastore1": pool},
        owner=owner,
    )
    return replace(wanted, **changes)


def fill(hypervisor: VsphereHypervisor, name: str, owner: Ownership, contents: list[bytes], folder: Path) -> None:
    """Writes these bytes into the machine's disks, as a transfer does."""
    with hypervisor.write_disks(name, owner) as targets, ExitStack() as stack:
        for number, (target, content) in enumerate(zip(targets.values(), contents, strict=True)):
            path = folder / f"source{number}.raw"
            path.write_bytes(content)
            source = stack.enter_context(serve_image(path, format=DiskFormat.RAW, read_only=True))
            copy(source, target, journal=None, throttle=Throttle(), progress=lambda _: None)


def contents(endpoints: dict[str, Endpoint] | Any) -> list[bytes]:
    from drover.blocks.nbd_client import Connection
    from drover.blocks.ranges import Range

    found = []
    for endpoint in endpoints.values():
        with Connection(endpoint) as line:
            found.append(
                b"".join(bytes(line.read(Range(at, min(MIB, line.size - at)))) for at in range(0, line.size, MIB))
            )
    return found

"""Packages for tests: made by hand, as other tools make them, and machines to be packed."""

import hashlib
import io
import random
import subprocess
import tarfile
from pathlib import Path

from fake_host import FakeHost

from drover.model import Cpu, Disk, DiskFormat, Firmware, Nic, PowerState, VirtualMachine

MIB = 1 << 20
ODD_NAME = """it's "odd"; $(id) %2f <&>"""


def machine(disks: int = 2, **changes: object) -> VirtualMachine:
    kinds = [("scsi", "pvscsi"), ("sata", "ahci"), ("ide", "ide"), ("nvme", "nvme"), ("virtio", None)]
    facts: dict[str, object] = {
        "name": ODD_NAME,
        "uuid": "1b671a64-40d5-491e-99b0-da01ff1f3341",
        "hypervisor": "libvirt",
        "host": "a",
        "state": PowerState.OFF,
        "cpu": Cpu(count=4, sockets=2, cores=2),
        "memory": 192 * MIB,
        "firmware": Firmware.UEFI,
        "disks": tuple(
            Disk(
                f"vd{'abcdefghijklmnopqrstuvwxyz'[n]}",
                "/x",
                "default",
                DiskFormat.RAW,
                (n + 1) * MIB,
                MIB,
                *kinds[n % 5],
            )
            for n in range(disks)
        ),
        "nics": (Nic("52:54:00:0a:0b:0c", "prod <&> net", "virtio"), Nic("00:50:56:01:02:03", "other", "e1000")),
        "autostart": True,
        "secure_boot": True,
    }
    return VirtualMachine(**(facts | changes))  # type: ignore[arg-type]


def vmdk(path: Path, data: bytes) -> Path:
    """A stream-optimised VMDK of these bytes, made by qemu-img."""
    raw = path.with_suffix(".raw")
    raw.write_bytes(data)
    subprocess.run(
        ["qemu-img", "convert", "-q", "-f", "raw", "-O", "vmdk", "-o", "subformat=streamOptimized", raw, path],
        check=True,
    )
    raw.unlink()
    return path


# As VirtualBox writes it: another default namespace, other units, an adapter without an address, a sound card.
FOREIGN = """<?xml version="1.0"?>
<Envelope ovf:version="1.0" xml:lang="en-US" xmlns="http://schemas.dmtf.org/ovf/envelope/1"
  xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1"
  xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData">
  <References><File ovf:id="file1" ovf:href="foreign-disk1.vmdk"{extra}/></References>
  <DiskSection><Info>Disks</Info>
    <Disk ovf:capacity="{capacity}" ovf:capacityAllocationUnits="{units}" ovf:diskId="vmdisk1" ovf:fileRef="file1"/>
  </DiskSection>
  <NetworkSection><Info>Nets</Info><Network ovf:name="NAT"/></NetworkSection>
  <VirtualSystem ovf:id="foreign"><Info>A machine</Info>
    <OperatingSystemSection ovf:id="96"><Info>OS</Info><Description>Debian_64</Description></OperatingSystemSection>
    <VirtualHardwareSection><Info>Hardware</Info>
      <Item><rasd:InstanceID>1</rasd:InstanceID><rasd:ResourceType>3</rasd:ResourceType>
        <rasd:VirtualQuantity>2</rasd:VirtualQuantity></Item>
      <Item><rasd:AllocationUnits>MegaBytes</rasd:AllocationUnits><rasd:InstanceID>2</rasd:InstanceID>
        <rasd:ResourceType>4</rasd:ResourceType><rasd:VirtualQuantity>512</rasd:VirtualQuantity></Item>
      <Item><rasd:InstanceID>3</rasd:InstanceID><rasd:ResourceSubType>AHCI</rasd:ResourceSubType>
        <rasd:ResourceType>20</rasd:ResourceType></Item>
      <Item><rasd:Caption>sound</rasd:Caption><rasd:InstanceID>4</rasd:InstanceID><rasd:ResourceType>35</rasd:ResourceType></Item>
      <Item><rasd:AddressOnParent>0</rasd:AddressOnParent><rasd:HostResource>/disk/vmdisk1</rasd:HostResource>
        <rasd:InstanceID>5</rasd:InstanceID><rasd:Parent>3</rasd:Parent><rasd:ResourceType>17</rasd:ResourceType></Item>
      <Item><rasd:Connection>NAT</rasd:Connection><rasd:InstanceID>6</rasd:InstanceID>
        <rasd:ResourceSubType>E1000</rasd:ResourceSubType><rasd:ResourceType>10</rasd:ResourceType></Item>
    </VirtualHardwareSection>
  </VirtualSystem>
</Envelope>
"""


def foreign(capacity: str = "2", units: str = "byte * 2^20", extra: str = "") -> bytes:
    return FOREIGN.format(capacity=capacity, units=units, extra=extra).encode()


def manifest_of(files: dict[str, bytes], algorithm: str = "sha1") -> bytes:
    lines = [
        f"{algorithm.upper()} ({name}) = {hashlib.new(algorithm, data).hexdigest()}\r\n" for name, data in files.items()
    ]
    return "".join(lines).encode()


def ova(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def silent(_progress: object) -> None:
    """Nobody looks."""


def data(seed: int, size: int = 2 * MIB) -> bytes:
    """Random bytes with a hole in them."""
    content = bytearray(random.Random(seed).randbytes(size))
    content[MIB // 2 : MIB] = bytes(MIB // 2)
    return bytes(content)


def members(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive}  # type: ignore[union-attr]


def contents(host: FakeHost, name: str) -> list[bytes]:
    return [Path(disk.path).read_bytes() for disk in host.known[name].disks]

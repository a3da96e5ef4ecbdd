"""Machines made for one test on a lab's hosts, and what is asked of them without Drover."""

import xml.etree.ElementTree as ET

from drover.hypervisors.connection import ConnectionSpec
from drover.hypervisors.libvirt.hypervisor import LibvirtHypervisor
from drover.hypervisors.port import TargetSettings
from drover.model import Ownership, VirtualMachine
from drover_lab.lab import Lab

FOLDER = "/var/lib/libvirt/images"
ODD_NAME = """it's "odd"; $(id) %41 <&>"""


def spec_of(lab: Lab, host: str, **extra: object) -> ConnectionSpec:
    values = lab.connection(host)
    return ConnectionSpec(
        id=values["id"],
        kind="libvirt",
        host=values["host"],
        login=values["login"],
        port=values["port"],
        extra={**values["extra"], **extra},
    )


def definition(name: str, *, pool_folder: str = FOLDER, uefi: bool = False) -> str:
    """A machine that runs (its firmware does) and has a qcow2 and a raw disk."""
    root = ET.Element("domain", type="qemu")
    ET.SubElement(root, "name").text = name
    ET.SubElement(root, "memory", unit="MiB").text = "64"
    ET.SubElement(root, "vcpu").text = "1"
    system = ET.SubElement(root, "os", {"firmware": "efi"} if uefi else {})
    ET.SubElement(system, "type", arch="x86_64", machine="q35").text = "hvm"
    if uefi:
        firmware = ET.SubElement(system, "firmware")
        ET.SubElement(firmware, "feature", enabled="no", name="secure-boot")
    ET.SubElement(ET.SubElement(root, "features"), "acpi")
    devices = ET.SubElement(root, "devices")
    for target, kind in (("vda", "qcow2"), ("vdb", "raw")):
        disk = ET.SubElement(devices, "disk", type="file", device="disk")
        ET.SubElement(disk, "driver", name="qemu", type=kind)
        ET.SubElement(disk, "source", file=f"{pool_folder}/test-{target}.{kind}")
        ET.SubElement(disk, "target", dev=target, bus="virtio")
    nic = ET.SubElement(devices, "interface", type="network")
    ET.SubElement(nic, "mac", address="52:54:00:AB:CD:01")
    ET.SubElement(nic, "source", network="production")
    ET.SubElement(nic, "model", type="virtio")
    return ET.tostring(root, encoding="unicode")


SEED = f"""
cd {FOLDER}
qemu-img create -q -f qcow2 test-vda.qcow2 24M; qemu-img create -q -f raw test-vdb.raw 8M
qemu-io -f qcow2 -c 'write -q -P 5 1M 3M' -c 'write -q -P 6 20M 4M' test-vda.qcow2
qemu-io -f raw -c 'write -q -P 7 0 1M' test-vdb.raw
"""


def wipe(hypervisor: LibvirtHypervisor) -> None:
    """Takes away whatever a test left on a host of this lab, which holds nothing else."""
    import libvirt

    for domain in hypervisor.connection.libvirt.listAllDomains(0):
        if domain.isActive():
            domain.destroy()
        if domain in hypervisor.connection.libvirt.listAllDomains(0) or domain.isPersistent():
            domain.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_NVRAM)
    exports = 'for f in /run/drover/*.pid; do [ -f "$f" ] && kill "$(cat "$f")"; done; rm -rf /run/drover'
    hypervisor.connection.ssh.run(["sh", "-c", exports])
    hypervisor.connection.ssh.check(["sh", "-c", f"rm -rf {FOLDER}/* /var/lib/libvirt/qemu/nvram/*"])


def settings_for(machine: VirtualMachine, *, wave: str = "wave-1", pool: str = "default") -> TargetSettings:
    owner = Ownership(wave=wave, run="run-1", machine=machine.name, source_uuid=machine.uuid, role="target")
    return TargetSettings(networks={"production": "production"}, storage={"default": pool}, owner=owner)


def digest(hypervisor: LibvirtHypervisor, path: str, kind: str) -> str:
    """SHA-256 of an image's guest-visible bytes, made on the host without Drover."""
    script = 'qemu-img dd -U -f "$1" -O raw bs=1M if="$2" of="$3" && sha256sum <"$3"; rm -f "$3"'
    return (
        hypervisor.connection.ssh.check(["sh", "-c", script, "sh", kind, path, f"{FOLDER}/plain"]).decode().split()[0]
    )

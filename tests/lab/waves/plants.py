"""Machines that are defined on real libvirt hosts and never started, each with something wrong; and what cannot be."""

import shlex
from typing import Any

from drover_lab.lab import Lab

IMAGES = "/var/lib/libvirt/images"
DISK = """<disk type='file' device='{device}'><driver name='qemu' type='{format}'/><source file='{path}'>{inside}</source>
  <target dev='{dev}' bus='{bus}'/>{more}</disk>"""  # noqa: E501
DOMAIN = """
<domain type='qemu'>
  <name>{name}</name><uuid>00000000-0000-4000-8000-{number:012}</uuid>{about}
  <memory unit='MiB'>{memory}</memory><vcpu{pinned}>{cpus}</vcpu>
  <os>{boot}<type arch='x86_64' machine='q35'>hvm</type></os>
  <features>{features}</features>{cpu}
  <devices>
    {devices}
    <interface type='network'><mac address='52:54:00:aa:00:{number:02x}'/><source network='{network}'/><model type='virtio'/></interface>
  </devices>
</domain>
"""  # noqa: E501
TPM = "<tpm model='tpm-tis'><backend type='passthrough'><device path='/dev/tpm0'/></backend></tpm>"
HOSTDEV = """<hostdev mode='subsystem' type='pci' managed='yes'>
  <source><address domain='0x0000' bus='0x00' slot='0x1f' function='0x0'/></source></hostdev>"""
USB = "<redirdev bus='usb' type='tcp'><source mode='connect' host='127.0.0.1' service='4000'/></redirdev>"
FOLDER = "<filesystem type='mount'><source dir='/srv'/><target dir='srv'/></filesystem>"
DIRECT = "<interface type='direct'><mac address='52:54:00:aa:01:01'/><source dev='lo' mode='bridge'/></interface>"
CONSOLE = "<graphics type='vnc' passwd='secret'/>"
LUKS = "<encryption format='luks'><secret type='passphrase' uuid='00000000-0000-4000-9000-000000000001'/></encryption>"
LUN = """<controller type='scsi' model='virtio-scsi'/><disk type='block' device='lun'><driver name='qemu' type='raw'/>
  <source dev='/dev/disk/by-id/there-is-none'/><target dev='sdc' bus='scsi'/></disk>"""
CARDS = "<network><name>cards</name><forward mode='hostdev' managed='yes'><pf dev='eth0'/></forward></network>"
MOVED = """<metadata><drover:owner xmlns:drover='https://drover.dev/owner/1' wave='w' run='r' machine='moved on'
  source-uuid='00000000-0000-4000-8000-000000000020' role='migrated'/></metadata>"""

# Why this lab plants none of these: it has KVM hosts only, both are this very machine, and no guest is started.
_VSPHERE = "a vCenter's word; tests/unit/hypervisors/vsphere and tests/lab/vcenter plant it"
_HYPERV = "a Hyper-V host's word; tests/unit/hyperv plants it"
_RUNNING = "only of a machine that runs"
_KINDS = "only between hypervisors of two kinds"
_ONE = "both hosts are one machine, with the same CPU, clock and QEMU"
CANNOT: dict[str, str] = {
    "cluster.role": _HYPERV,
    "cluster.rules": _VSPHERE,
    "connection.certificate": "of connections that use certificates, which libvirt's do not",
    "connection.smb_unencrypted": _HYPERV,
    "cpu.capacity": _RUNNING,
    "cpu.evc": _VSPHERE,
    "cpu.model": _ONE,
    "cpu.nested": _HYPERV,
    "device.minor": _KINDS,
    "device.not_asked": _HYPERV,
    "device.ports": _KINDS,
    "disk.filter": _VSPHERE,
    "disk.independent": _VSPHERE,
    "disk.nonpersistent": _VSPHERE,
    "firmware.secure_boot_template": _HYPERV,
    "guest.system": _KINDS,
    "guest.tools": "libvirt presses the power button",
    "host.clocks": _ONE,
    "host.firmware": _ONE,
    "host.machine_type": _ONE,
    "host.maintenance": "a KVM host knows no such thing",
    "host.memory_capacity": _RUNNING,
    "live.refused": "libvirt checks a live move only when it begins",
    "live.unasked": _VSPHERE,
    "live.warned": _VSPHERE,
    "machine.ambiguous": "libvirt gives a name to one machine",
    "machine.arguments": "QEMU would have to take it",
    "machine.changed_blocks": _VSPHERE,
    "machine.consolidation": _VSPHERE,
    "machine.fault_tolerant": _VSPHERE,
    "machine.hotplug": _KINDS,
    "machine.replica": _HYPERV,
    "machine.resources": _VSPHERE,
    "machine.saved": _HYPERV,
    "machine.shielded": _HYPERV,
    "machine.shutdown": _RUNNING,
    "machine.template": _VSPHERE,
    "machine.transient": _RUNNING,
    "machine.unreachable": _VSPHERE,
    "memory.dynamic": _HYPERV,
    "nic.disconnected": _HYPERV,
    "nic.no_mac": _HYPERV,
    "nic.sriov": _HYPERV,
    "nic.vlan": _HYPERV,
    "performance.unknown": _RUNNING,
    "strategy.live_impossible": _KINDS,
    "target.address_clash": _RUNNING,
    "translation.boot_entries": _KINDS,
    "translation.boot_order": _KINDS,
    "translation.cpu": _KINDS,
    "translation.definition": _KINDS,
    "translation.disk_controller": _KINDS,
    "translation.kept": _KINDS,
    "translation.lost": _KINDS,
    "translation.nic_model": _KINDS,
    "translation.notes": _KINDS,
}

CRITICAL: dict[str, set[str]] = {
    "fine": set(),
    "unmapped": {"network.unmapped"},
    "twin": {"target.name_taken"},
    "cloned": {"target.uuid_taken", "target.mac_clash"},
    "linked": set(),
    "remembering": set(),
    "sharing": {"disk.shared"},
    "watching": {"device.media"},
    "trusted": {"device.tpm"},
    "handed": {"device.passthrough"},
    "deaf": set(),
    "huge": {"host.memory"},
    "outside": {"storage.unmapped"},
    "gone": {"disk.capacity"},
    'quoted "name" Köln': set(),
    "nobody": {"machine.unknown"},
    "secretive": {"device.encryption"},
    "guest of its host": {"device.host_share"},
    "wired": {"device.interface", "network.unmapped"},
    "handed a card": {"device.passthrough", "network.unmapped"},
    "strange": {"device.other"},
    "foreign": {"disk.format", "translation.refused"},
    "on a LUN": {"disk.raw_mapping", "disk.capacity", "storage.unmapped"},
    "careful": {"firmware.secure_boot"},
    "moved on": {"machine.left_behind"},
    "pinned": {"cpu.pinning"},
    "dc01": set(),
    "written once": {"disk.read_only"},
    "spoken to": set(),
}
WARNINGS: dict[str, set[str]] = {
    "linked": {"disk.backing_chain"},
    "remembering": {"machine.snapshots"},
    "deaf": {"device.usb"},
    "huge": {"cpu.count"},
    "dc01": {"guest.domain_controller"},
    "spoken to": {"device.console_password"},
}


class Builder:
    """Collects what is to be made on the hosts, to make it in a few goes: each login costs time."""

    def __init__(self) -> None:
        self.commands: dict[str, list[list[str]]] = {"kvm-a": [], "kvm-b": []}

    def image(self, name: str, size: str, *options: str, host: str = "kvm-a", folder: str = IMAGES) -> str:
        path = f"{folder}/{name}"
        kind = path.rsplit(".", 1)[1].replace("iso", "raw")
        self.commands[host].append(["qemu-img", "create", "-q", "-f", kind, *options, path, size])
        return path

    def define(self, name: str, number: int, devices: str, *, host: str = "kvm-a", **values: Any) -> None:
        settings: dict[str, Any] = dict.fromkeys(("about", "pinned", "boot", "cpu"), "")
        settings |= {"memory": 64, "cpus": 1, "features": "<acpi/>", "network": "production"} | values
        text = DOMAIN.format(name=name, number=number, devices=devices, **settings)
        path = f"/tmp/{number}.xml"
        self.commands[host].append(["sh", "-c", 'printf %s "$1" >"$2"', "sh", text, path])
        self.commands[host].append(["virsh", "-q", "define", path])

    def small(self, name: str, **where: str) -> str:
        return disk(self.image(f"{name}.qcow2", "64M", **where))

    def run(self, lab: Lab) -> None:
        for host, commands in self.commands.items():
            for first in range(0, len(commands), 20):
                some = commands[first : first + 20]
                lab.run(host, ["sh", "-e", "-c", "\n".join(shlex.join(command) for command in some)])


def disk(
    path: str,
    *,
    kind: str = "qcow2",
    dev: str = "sda",
    bus: str = "sata",
    device: str = "disk",
    inside: str = "",
    more: str = "",
) -> str:
    return DISK.format(path=path, format=kind, dev=dev, bus=bus, device=device, inside=inside, more=more)


def plant(lab: Lab) -> None:
    """Each is named after what is wrong with it."""
    make = Builder()
    image, define, small = make.image, make.define, make.small
    define("fine", 1, small("fine"))
    define("unmapped", 2, small("unmapped"), network="dmz")
    define("twin", 3, small("twin"))
    define("twin", 4, small("twin", host="kvm-b"), host="kvm-b")
    define("cloned", 5, small("cloned"))
    define("forgotten copy", 5, small("copy", host="kvm-b"), host="kvm-b")
    base = image("base.qcow2", "64M")
    define("linked", 6, disk(image("linked.qcow2", "64M", "-b", base, "-F", "qcow2")))
    define("remembering", 7, small("remembering"))
    make.commands["kvm-a"].append(["virsh", "-q", "snapshot-create-as", "remembering", "before"])
    define("sharing", 8, disk(image("shared.raw", "64M"), kind="raw", more="<shareable/>"))
    cd = disk(image("medium.iso", "1M"), kind="raw", dev="sdb", device="cdrom", more="<readonly/>")
    define("watching", 9, small("watching") + cd)
    define("trusted", 10, small("trusted") + TPM)
    define("handed", 11, small("handed") + HOSTDEV)
    define("deaf", 12, small("deaf") + USB, features="<apic/>")
    define("huge", 13, small("huge"), memory=64 * 1024 * 1024, cpus=200)
    define("outside", 14, small("outside", folder="/var/tmp"))
    define("gone", 15, disk(f"{IMAGES}/gone.qcow2"))
    define('quoted "name" Köln', 16, small("quoted"))
    define("large", 17, disk(image("full.raw", "80M", "-o", "preallocation=falloc"), kind="raw"))
    _plant_more(make)
    make.run(lab)


def _plant_more(make: Builder) -> None:
    image, define, small = make.image, make.define, make.small
    define("secretive", 18, disk(image("secret.raw", "64M"), kind="raw", inside=LUKS))
    define("guest of its host", 19, small("share") + FOLDER)
    define("moved on", 20, small("moved"), about=MOVED)
    define("wired", 21, small("wired") + DIRECT)
    define("strange", 22, small("strange") + "<vsock model='virtio'><cid auto='yes'/></vsock>")
    define("foreign", 23, disk(image("foreign.vmdk", "64M"), kind="vmdk"))
    define("on a LUN", 24, small("lun") + LUN)
    loader = "<loader readonly='yes' secure='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE_4M.ms.fd</loader>"
    define("careful", 25, small("careful"), boot=loader, features="<acpi/><smm state='on'/>")
    define("pinned", 26, small("pinned"), pinned=" cpuset='500'")
    define("dc01", 27, small("dc01"))
    define("written once", 28, disk(image("once.qcow2", "64M"), dev="vda", bus="virtio", more="<readonly/>"))
    define("spoken to", 29, small("spoken") + CONSOLE)
    define("seeing through", 30, small("seeing"), cpu="<cpu mode='host-passthrough'/>")
    write = ["sh", "-c", 'printf %s "$1" >/tmp/cards.xml && virsh -q net-define /tmp/cards.xml', "sh", CARDS]
    make.commands["kvm-a"].append(write)
    define("handed a card", 32, small("card"), network="cards")
    define("wide", 31, disk(image("wide.qcow2", "1T")))

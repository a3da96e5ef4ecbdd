"""Machines on real libvirt hosts, each with something wrong; most are never started, and none boots a system."""

import shlex
from typing import Any

from drover_lab.lab import Lab

IMAGES = "/var/lib/libvirt/images"
DISK = """<disk type='file' device='{device}'><driver name='qemu' type='{format}'/><source file='{path}'>{inside}</source>
  <target dev='{dev}' bus='{bus}'/>{more}</disk>"""  # noqa: E501
DOMAIN = """
<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>{name}</name><uuid>00000000-0000-4000-8000-{number:012}</uuid>{about}
  <memory unit='MiB'>{memory}</memory><vcpu{pinned}>{cpus}</vcpu>
  <os>{boot}<type arch='x86_64' machine='q35'>hvm</type></os>
  <features>{features}</features>{cpu}
  <devices>
    {devices}
    <interface type='network'><mac address='52:54:00:aa:00:{number:02x}'/><source network='{network}'/><model type='{model}'/>{card}</interface>
  </devices>{more}
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

# Emulated ones are compared only where that is said.
CPU = "<cpu check='partial'><model>qemu64</model><feature policy='require' name='avx512f'/></cpu>"
# Nothing of it is lost between two KVM hosts.
PTY = "<serial type='pty'/><sound model='ich9'/><watchdog model='i6300esb' action='reset'/><rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>"  # noqa: E501
PORT = "<serial type='tcp'><source mode='bind' host='127.0.0.1' service='4555'/></serial>"
LIMIT = "<memtune><hard_limit unit='MiB'>512</hard_limit></memtune><cputune><shares>512</shares></cputune>"
SYSINFO = "<sysinfo type='smbios'><system><entry name='product'>Ours</entry></system></sysinfo>"
BY_HAND = "<qemu:commandline><qemu:arg value='-fw_cfg'/><qemu:arg value='name=opt/x,string=y'/></qemu:commandline>"

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
    "demanding": {"cpu.model"},
    "told by hand": {"machine.arguments"},
    "well equipped": set(),
}
WARNINGS: dict[str, set[str]] = {
    "linked": {"disk.backing_chain"},
    "remembering": {"machine.snapshots"},
    "deaf": {"device.usb"},
    "huge": {"cpu.count"},
    "dc01": {"guest.domain_controller"},
    "spoken to": {"device.console_password"},
}


# What is found of it on its way to a vCenter.
TO_VCENTER: dict[str, set[str]] = {
    "well equipped": {"device.minor", "nic.disconnected", "translation.cpu"},
    "listening": {"device.ports"},
    "limited": {"machine.resources"},
    "labelled": {"translation.definition"},
    "forgetful": {"disk.nonpersistent"},
    "tagged": {"nic.vlan"},
    "growing": {"machine.hotplug"},
    "numbered": {"translation.lost"},
    "uneven": {"translation.refused"},
    "old card": {"translation.nic_model"},
}
# And to a Hyper-V host.
TO_HYPERV: dict[str, set[str]] = {"ordered": {"translation.boot_order", "translation.disk_controller"}}
# These run, or are paused before their first instruction; what is found on the way to the other KVM host.
RUNNING: dict[str, set[str]] = {
    "passing": {"machine.transient"},
    "deaf and awake": {"machine.shutdown"},
    "busy": {"cpu.capacity", "host.memory_capacity"},
    "busy too": {"cpu.capacity", "host.memory_capacity"},
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

    def define(
        self, name: str, number: int, devices: str, *, host: str = "kvm-a", passing: bool = False, **values: Any
    ) -> None:
        settings: dict[str, Any] = dict.fromkeys(("about", "pinned", "boot", "cpu", "card", "more"), "")
        settings |= {
            "memory": 64,
            "cpus": 1,
            "features": "<acpi/>",
            "network": "production",
            "model": "virtio",
        } | values
        text = DOMAIN.format(name=name, number=number, devices=devices, **settings)
        path = f"/tmp/{number}.xml"
        self.commands[host].append(["sh", "-c", 'printf %s "$1" >"$2"', "sh", text, path])
        self.commands[host].append(["virsh", "-q", *(("create", "--paused") if passing else ("define",)), path])

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
    _plant_for_other_kinds(make)
    _plant_running(
        make, memory=int(lab.run("kvm-a", ["sed", "-n", "s/^MemTotal: *\\([0-9]*\\) kB/\\1/p", "/proc/meminfo"]))
    )
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


def _plant_for_other_kinds(make: Builder) -> None:
    image, define, small = make.image, make.define, make.small
    define("demanding", 33, small("demanding"), cpu=CPU)
    define("told by hand", 34, small("hand"), more=BY_HAND)
    define("well equipped", 35, small("equipped") + PTY, card="<link state='down'/>", cpu="<cpu mode='host-model'/>")
    define("listening", 36, small("listening") + PORT)
    define("limited", 37, small("limited"), about=LIMIT)
    define("labelled", 38, small("labelled"), about=SYSINFO)
    define("forgetful", 39, disk(image("forgetful.qcow2", "64M"), more="<transient/>"))
    define("tagged", 40, small("tagged"), card="<vlan><tag id='12'/></vlan>")
    define("growing", 41, small("growing"), pinned=" current='1'", cpus=2)
    define("numbered", 42, disk(image("numbered.qcow2", "64M"), more="<serial>S1</serial>"))
    define("ordered", 43, small("ordered"), card="<boot order='1'/>")
    define("uneven", 44, small("uneven"), memory=65)
    define("old card", 45, small("old"), model="rtl8139")


def _plant_running(make: Builder, memory: int) -> None:
    """:param memory: of the host, KiB. Two that take more than half of it each do not fit together."""
    define, small = make.define, make.small
    define("passing", 46, small("passing"), passing=True)
    define("deaf and awake", 47, small("awake"), features="<apic/>")
    for number, name in enumerate(("busy", "busy too"), 48):
        define(name, number, small(name), cpus=16, memory=memory * 6 // 10 // 1024)
    make.commands["kvm-a"] += [["virsh", "-q", "start", "deaf and awake"]]
    make.commands["kvm-a"] += [["virsh", "-q", "start", "--paused", name] for name in ("busy", "busy too")]

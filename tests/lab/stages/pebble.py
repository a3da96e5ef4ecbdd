"""A machine so small that it can be moved dozens of times in a test: its boot sector is its whole operating system.

It says on its serial port that it is up, obeys the ACPI power button at once, and counts in the second sector of its
first disk how often it was booted and, several times a second, that it still runs. All else of its two disks must be
what it was made of, byte by byte, whatever happened to it.
"""

import hashlib
import random
import re
import struct
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from lab_moves import MIB, wait_for

from drover_lab import kvm
from drover_lab.definitions import machine_uuid
from drover_lab.lab import Lab

NAME = "pebble"
DISKS = {"vda": 8 * MIB, "vdb": 4 * MIB}
SIZE = sum(DISKS.values())
HOME, AWAY = "kvm-a", "kvm-b"
SECTOR = 512
# xor ax,ax; mov ds,ax; mov ss,ax; mov sp,7c00h
# mov ah,42h; call disk; inc dword [7e00h]        the count, read; one boot more
# mov dx,602h; mov ax,100h; out dx,ax             ACPI: enable the power button
# call write
# mov dx,3f8h; mov al,'p'; out dx,al; sti         serial port: up
# wait: hlt; inc byte [7cffh]; test byte [7cffh],3; jnz look    18 times a second; of these every fourth:
#   inc dword [7e04h]; call write                               one beat more
# look: mov dx,600h; in ax,dx; test ah,1; jz wait               was the button pressed?
# mov dx,604h; mov ax,2000h; out dx,ax; jmp wait                power off
# write: mov ah,43h
# disk: mov si,packet; mov dl,80h; mov al,0; int 13h; ret       BIOS: read or write by this packet
# packet: db 16,0,1,0; dw 7e00h,0; dq 1                         one sector, at 7e00h, the disk's second
BOOT = bytes.fromhex(
    "31c08ed88ed0bc007cb442e83e0066ff06007eba0206b80001efe82d00baf803b070eefbf4fe06ff7cf606ff7c03750866ff06047ee81200"
    "ba0006edf6c40174e3ba0406b80020efebdab443be567cb280b000cd13c310000100007e00000100000000000000"
)
DOMAIN = """
<domain type='{kind}'>
  <name>{name}</name><uuid>{uuid}</uuid><memory unit='MiB'>64</memory><vcpu>1</vcpu>
  <os><type arch='x86_64' machine='q35'>hvm</type></os><features><acpi/><apic/></features>
  <on_poweroff>destroy</on_poweroff>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/><source file='/var/lib/libvirt/images/{name}.img'/>
      <target dev='vda' bus='virtio'/><boot order='1'/>
    </disk>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/><source file='/var/lib/libvirt/images/{name}-vdb.img'/>
      <target dev='vdb' bus='virtio'/>
    </disk>
    <interface type='network'>
      <mac address='52:54:00:bb:00:{number:02x}'/><source network='production'/><model type='virtio'/>
    </interface>
    <serial type='pty'><log file='/var/log/libvirt/qemu/{name}-console.log' append='off'/></serial>
    <memballoon model='none'/>
  </devices>
</domain>
"""
OWNER = "https://drover.dev/owner/1"
# What no stage may leave: servers, sockets, overlays, scratch files, trial machines.
_LOOK = """
exec 2>/dev/null
virsh -q -c qemu:///system '{asked}'
echo leftovers:
pgrep -a qemu-nbd; ls -A /run/drover; find /var/lib/libvirt/qemu/drover-trial -type f
find /var/lib/libvirt -name '*drover*' -not -path '*/drover-trial*'
virsh -q list --all --name | grep -e -drover-
"""
_STAMP = re.compile(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+\+0000): (starting up|shutting down)", re.MULTILINE)


def definition(name: str, uuid: str, number: int) -> str:
    return DOMAIN.format(kind=kvm.domain_type(), name=name, uuid=uuid, number=number)


@dataclass(frozen=True, order=True)
class Count:
    """What the machine has written: how often it was booted, and how often it said since it was made that it runs."""

    boots: int
    beats: int

    @classmethod
    def of(cls, disk: Path) -> "Count":
        with disk.open("rb") as file:
            file.seek(SECTOR)
            return cls(*struct.unpack("<II", file.read(8)))


def digest(first: bytes, *others: bytes) -> str:
    """Of its disks, without the sector that it writes."""
    whole = hashlib.sha256(first[:SECTOR] + first[2 * SECTOR :])
    for other in others:
        whole.update(other)
    return whole.hexdigest()


@dataclass(frozen=True)
class Seen:
    """The machine on one host, as virsh tells it.

    :param networks: of its NICs. :param disks: its images as this test reaches them.
    :param leftovers: what is not the machine and should not be there.
    """

    state: str
    autostart: bool
    tagged: str
    networks: tuple[str, ...]
    disks: tuple[Path, ...]
    leftovers: tuple[str, ...]

    @property
    def digest(self) -> str:
        assert len(self.disks) == len(DISKS), f"it has these disks: {self.disks}"
        return digest(*(disk.read_bytes() for disk in self.disks))

    @property
    def count(self) -> Count:
        return Count.of(self.disks[0])


class Pebble:
    """:param number: tells several from each other."""

    def __init__(self, lab: Lab, name: str = NAME, number: int = 1) -> None:
        self.lab = lab
        self.name = name
        # When it was last reset.
        self.since = 0.0
        noise = random.Random(name)
        half = MIB // 2
        # Data and holes by turns; the last bytes are data.
        first = BOOT.ljust(SECTOR - 2, b"\0") + b"\x55\xaa" + bytes(SECTOR) + noise.randbytes(half - 2 * SECTOR)
        self._content = {"vda": first + bytes(half), "vdb": b""}
        for disk, size in DISKS.items():
            while len(self._content[disk]) < size:
                self._content[disk] += bytes(half) + noise.randbytes(half)
        self.digest = digest(*self._content.values())
        self._definition = definition(name, str(machine_uuid(name, lab.name)), number)

    def images(self, host: str) -> Path:
        return self.folder(host) / "var-lib-libvirt/images"

    def folder(self, host: str) -> Path:
        return self.lab.topology.host(host).folder

    def remove(self) -> None:
        for host in (AWAY, HOME):
            forget = f"destroy {self.name}; undefine {self.name} --nvram --managed-save --checkpoints-metadata"
            self.lab.virsh(host, f"{forget}; list --name")
            for file in self.images(host).glob(f"{self.name}*"):
                file.unlink()
            (self.folder(host) / f"var-log-libvirt/qemu/{self.name}.log").unlink(missing_ok=True)

    def reset(self) -> None:
        """As it was at first: running at home, nothing of it elsewhere."""
        self.remove()
        self.since = time.time()
        for disk, file in zip(DISKS, (f"{self.name}.img", f"{self.name}-vdb.img"), strict=True):
            (self.images(HOME) / file).write_bytes(self._content[disk])
        text = self.folder(HOME) / f"tmp/{self.name}.xml"
        text.write_text(self._definition)
        self.lab.virsh(
            HOME, f"pool-refresh default; define /tmp/{self.name}.xml; autostart {self.name}; start {self.name}"
        )
        self.wait_up(HOME)

    def wait_up(self, host: str) -> None:
        """Until it would hear the power button."""
        console = self.folder(host) / f"var-log-libvirt/qemu/{self.name}-console.log"
        wait_for(lambda: console.exists() and b"p" in console.read_bytes())

    def seen(self, host: str) -> Seen:
        """One look at one host."""
        asked = (
            f"dominfo {self.name}; domblklist {self.name}; domiflist {self.name}; "
            f"metadata {self.name} {OWNER}; domjobinfo {self.name}; pwd"
        )
        told = self.lab.run(host, ["sh", "-c", _LOOK.format(asked=asked)], check=False)
        told, _, left = told.partition("leftovers:\n")
        facts = dict(line.split(":", 1) for line in told.splitlines() if re.match(r"^[A-Z][A-Za-z ()]+:", line))
        paths = re.findall(r"^ *vd[ab] +(\S+)$", told, re.MULTILINE)
        networks = re.findall(r"^ *\S+ +(?:network|bridge) +(\S+) +virtio ", told, re.MULTILINE)
        role = re.search(r"role=['\"](\w+)", told)
        leftovers = left.splitlines()
        if facts.get("Job type", "None").strip() not in ("None", "Completed"):
            leftovers.append(f"a job: {facts['Job type'].strip()}")
        return Seen(
            facts.get("State", "absent").strip(),
            facts.get("Autostart", "").strip() == "enable",
            role.group(1) if role else "",
            tuple(networks),
            tuple(self.folder(host) / "var-lib-libvirt" / path.removeprefix("/var/lib/libvirt/") for path in paths),
            tuple(f"{host}: {line}" for line in leftovers),
        )

    def ran(self, host: str) -> list[tuple[float, float]]:
        """From when to when it was powered on there, as libvirt logged it; a machine that runs ends in the future."""
        log = self.folder(host) / f"var-log-libvirt/qemu/{self.name}.log"
        spans: list[tuple[float, float]] = []
        for stamp, what in _STAMP.findall(log.read_text() if log.exists() else ""):
            when = datetime.strptime(stamp, "%Y-%m-%d %H:%M:%S.%f%z").timestamp()
            if what == "starting up":
                spans.append((when, float("inf")))
            elif spans:
                spans[-1] = (spans[-1][0], when)
        return spans

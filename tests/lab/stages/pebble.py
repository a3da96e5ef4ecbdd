"""A machine so small that it can be moved dozens of times in a test: its boot sector is its whole operating system.

It says on its serial port that it is up, obeys the ACPI power button at once, and never writes to its disk. So whatever
happened to it, its disk must be what it was made of, byte by byte.
"""

import hashlib
import random
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from lab_moves import MIB, wait_for

from drover_lab import kvm
from drover_lab.definitions import machine_uuid
from drover_lab.lab import Lab

NAME = "pebble"
SIZE = 12 * MIB
HOME, AWAY = "kvm-a", "kvm-b"
# mov dx,602h; mov ax,100h; out dx,ax    ACPI: enable the power button
# mov dx,3f8h; mov al,'p'; out dx,al     serial port: up
# sti
# wait: hlt; mov dx,600h; in ax,dx; test ah,1; jz wait    18 times a second: was it pressed?
# mov dx,604h; mov ax,2000h; out dx,ax; jmp wait          power off
BOOT = bytes.fromhex("ba0206b80001efbaf803b070eefbf4ba0006edf6c40174f6ba0406b80020efebed")
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


@dataclass(frozen=True)
class Seen:
    """The machine on one host, as virsh tells it.

    :param disk: its image as this test reaches it. :param leftovers: what is not the machine and should not be there.
    """

    state: str
    autostart: bool
    tagged: str
    disk: Path | None
    leftovers: tuple[str, ...]

    @property
    def digest(self) -> str:
        assert self.disk is not None, "it has no disk"
        return hashlib.sha256(self.disk.read_bytes()).hexdigest()


class Pebble:
    """:param number: tells several from each other."""

    def __init__(self, lab: Lab, name: str = NAME, number: int = 1) -> None:
        self.lab = lab
        self.name = name
        noise = random.Random(name)
        half = MIB // 2
        # Data and holes by turns; the last bytes are data.
        image = (BOOT.ljust(510, b"\0") + b"\x55\xaa" + noise.randbytes(half - 512)).ljust(2 * half, b"\0")
        while len(image) < SIZE:
            image += bytes(half) + noise.randbytes(half)
        self._image = image
        self.digest = hashlib.sha256(image).hexdigest()
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
        (self.images(HOME) / f"{self.name}.img").write_bytes(self._image)
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
            f"dominfo {self.name}; domblklist {self.name}; metadata {self.name} {OWNER}; domjobinfo {self.name}; pwd"
        )
        told = self.lab.run(host, ["sh", "-c", _LOOK.format(asked=asked)], check=False)
        told, _, left = told.partition("leftovers:\n")
        facts = dict(line.split(":", 1) for line in told.splitlines() if re.match(r"^[A-Z][A-Za-z ()]+:", line))
        path = re.search(r"^ *vda +(\S+)$", told, re.MULTILINE)
        role = re.search(r"role=['\"](\w+)", told)
        leftovers = left.splitlines()
        if facts.get("Job type", "None").strip() not in ("None", "Completed"):
            leftovers.append(f"a job: {facts['Job type'].strip()}")
        return Seen(
            facts.get("State", "absent").strip(),
            facts.get("Autostart", "").strip() == "enable",
            role.group(1) if role else "",
            self.folder(host) / "var-lib-libvirt" / path.group(1).removeprefix("/var/lib/libvirt/") if path else None,
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

    def ran_twice(self) -> bool:
        """Law: never two. Whether it was ever powered on at both ends at once, since it was reset."""
        return any(here[0] < there[1] and there[0] < here[1] for here in self.ran(HOME) for there in self.ran(AWAY))

"""A machine's process: QEMU boots its VHDX files. Hyper-V's own devices have stand-ins, as QEMU has none of them.

Generation 1 is a BIOS with IDE disks, generation 2 is UEFI with virtio's SCSI; the adapter is virtio's, the legacy
one e1000 (QEMU has no DEC 21140 that Linux still drives).
"""

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from drover_lab.hyperv.world.answers import refused
from drover_lab.hyperv.world.paths import local
from drover_lab.hyperv.world.store import Host, State
from drover_lab.process import ProcessRecord, run

FORMATS = {".vhdx": "vhdx", ".avhdx": "qcow2", ".vhd": "vpc"}
_START = 30.0


def image_format(path: Path) -> str:
    return FORMATS[path.suffix.lower()]


def size_of(path: Path) -> int:
    """What the guest sees, bytes."""
    command = ["qemu-img", "info", "-U", "-f", image_format(path), "--output=json", str(path)]
    return int(json.loads(run(command).stdout)["virtual-size"])


def create_like(old: Path, new: Path) -> None:
    """An empty VHDX of the same size, fixed or growing as the other one."""
    size = size_of(old)
    subformat = "fixed,block_state_zero=off" if old.stat().st_size >= size else "dynamic"
    run(["qemu-img", "create", "-q", "-f", "vhdx", "-o", f"subformat={subformat}", str(new), str(size)])


def record(host: Host, machine: State) -> ProcessRecord | None:
    """The machine's process, where it runs."""
    found = ProcessRecord.load(host.running / f"{machine['id']}.json")
    return found if found is not None and found.alive() else None


def start(host: Host, machine: State, *, arriving: bool = False) -> None:
    """:param arriving: it waits for its memory from another host's process. :raises CmdletFault: it does not start."""
    base = host.running / machine["id"]
    sock = base.with_suffix(".sock")
    sock.unlink(missing_ok=True)
    arguments, taps = _hardware(host, machine)
    command = ["qemu-system-x86_64", *arguments, "-qmp", f"unix:{sock},server=on,wait=off"]
    if arriving:
        command += ["-S", "-incoming", "defer"]
    with open(base.with_suffix(".log"), "wb") as log:
        # A session of its own: a machine outlives its host's process.
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    known = ProcessRecord.of(process.pid)
    if known is not None:
        known.save(base.with_suffix(".json"))
    try:
        with monitor(host, machine):
            for tap, bridge in taps:
                run(["ip", "link", "set", tap, "up"])
                if bridge:
                    run(["ip", "link", "set", tap, "master", bridge])
    except OSError as error:
        process.kill()
        process.wait()
        said = base.with_suffix(".log").read_text(errors="replace")[-300:]
        raise refused(f"'{machine['name']}' failed to start. {said or error}") from error
    if machine["state"] == "Off":
        machine["state"] = "Running"


def kill(host: Host, machine: State) -> None:
    """Ends its process, if there is one."""
    found = record(host, machine)
    if found:
        found.kill()


def kill_all(host: Host, keep: Collection[str] = ()) -> None:
    """Ends every process of the host, whatever it is for. :param keep: ids of machines."""
    for path in host.running.glob("*.json"):
        found = ProcessRecord.load(path) if path.stem not in keep else None
        if found is not None:
            found.kill()


def ended(host: Host, machine: State, seconds: float) -> bool:
    """Waits for its process to end by itself."""
    until = time.monotonic() + seconds
    while record(host, machine) is not None:
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


@contextmanager
def monitor(host: Host, machine: State) -> Iterator["Monitor"]:
    """:raises OSError: the process does not answer."""
    path = host.running / f"{machine['id']}.sock"
    until = time.monotonic() + _START
    with socket.socket(socket.AF_UNIX) as client:
        while True:
            try:
                client.connect(str(path))
                break
            except OSError:
                if time.monotonic() > until or record(host, machine) is None:
                    raise
                time.sleep(0.05)
        with client.makefile("rwb") as stream:
            found = Monitor(stream)
            found.ask("qmp_capabilities")
            yield found


class Monitor:
    """QEMU's own protocol: one JSON object a line."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._stream.readline()  # the greeting

    def ask(self, command: str, **arguments: Any) -> Any:
        """:raises CmdletFault: QEMU refuses. :raises OSError: it is gone."""
        self._stream.write(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        self._stream.flush()
        while line := self._stream.readline():
            said = json.loads(line)
            if "error" in said:
                raise refused(f"The operation failed: {said['error']['desc']}")
            if "return" in said:
                return said["return"]
        raise ConnectionResetError("the machine's process ended")


def _hardware(host: Host, machine: State) -> tuple[list[str], list[tuple[str, str]]]:
    name = machine["name"].replace(",", ",,")
    arguments = ["-name", f"guest={name}", "-nodefaults", "-no-user-config", "-display", "none", "-rtc", "base=utc"]
    arguments += ["-accel", host.accelerator, "-cpu", "host" if host.accelerator == "kvm" else "qemu64"]
    arguments += ["-m", f"{machine['memory'] // 2**20}", "-smp", str(machine["processors"]), "-uuid", machine["bios"]]
    arguments += ["-serial", f"file:{host.running / machine['id']}.console"]
    arguments += _firmware(host, machine)
    if machine["generation"] == 2:
        arguments += [part for number in range(machine["controllers"])
                      for part in ("-device", f"virtio-scsi-pci,id=scsi{number}")]  # fmt: skip
    order = boot_order(machine)
    for place, drive in enumerate(machine["disks"]):
        # While a machine comes, a raw file stands in for its VHDX.
        path = Path(drive["raw"]) if "raw" in drive else local(host, drive["path"])
        kind = "raw" if "raw" in drive else image_format(path)
        node = {"driver": kind, "node-name": f"disk{place}", "file": {"driver": "file", "filename": str(path)}}
        arguments += ["-blockdev", json.dumps(node), "-device", _attachment(drive, place, order.index(drive["id"]) + 1)]
    cards, taps = _cards(host, machine)
    return arguments + cards, taps


def boot_order(machine: State) -> list[str]:
    """The ids of what is booted, in order; what nobody ordered comes last."""
    known = [drive["id"] for drive in machine["disks"]] + [card["id"] for card in machine["adapters"]]
    wished = [one for one in machine["boot"] if one in known]
    return wished + [one for one in known if one not in wished]


def _attachment(drive: State, place: int, index: int) -> str:
    tail = f"id=hd{place},drive=disk{place},bootindex={index}"
    if drive["controller"] == "IDE":
        return f"ide-hd,bus=ide.{drive['number']},unit={drive['location']},{tail}"
    bus = drive["number"]
    return f"scsi-hd,bus=scsi{bus}.0,scsi-id={drive['location']},{tail}"


def _firmware(host: Host, machine: State) -> list[str]:
    if machine["generation"] == 1:
        # Generation 1 has a SCSI controller too; its disks are not booted from.
        return ["-machine", "pc"] + [part for number in range(machine["controllers"])
                                     for part in ("-device", f"virtio-scsi-pci,id=scsi{number}")]  # fmt: skip
    variables = host.folder / host.name / f"{machine['id']}.nvram"
    if not variables.exists():
        shutil.copyfile(host.firmware[1], variables)
    code = {"driver": "file", "node-name": "firmware", "read-only": True, "filename": host.firmware[0]}
    own = {"driver": "file", "node-name": "variables", "filename": str(variables)}
    return ["-blockdev", json.dumps(code), "-blockdev", json.dumps(own), "-machine",
            "pc,pflash0=firmware,pflash1=variables"]  # fmt: skip


def _cards(host: Host, machine: State) -> tuple[list[str], list[tuple[str, str]]]:
    arguments, taps = [], []
    for place, card in enumerate(machine["adapters"]):
        bridge = host.bridges.get(card["switch"] or "", "")
        mac = ":".join(card["mac"][at : at + 2] for at in range(0, 12, 2))
        model = "e1000" if card["legacy"] else "virtio-net-pci"
        if bridge:
            tap = f"hv{machine['id'][:8]}.{place}"
            taps.append((tap, bridge))
            arguments += ["-netdev", f"tap,id=net{place},ifname={tap},script=no,downscript=no"]
        else:
            arguments += ["-netdev", f"hubport,id=net{place},hubid={place}"]
        arguments += ["-device", f"{model},netdev=net{place},mac={mac},bootindex=-1"]
    return arguments, taps

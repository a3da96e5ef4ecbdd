"""A real guest boots from the VHDX of a simulated Hyper-V machine, is frozen while it writes, and shuts itself down."""

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from drover.hypervisors import hyperv
from drover.hypervisors.hyperv import bootstrap
from drover_lab import definitions, guests
from drover_lab.hyperv.powershell.engine import PowerShell
from drover_lab.hyperv.runner import Call, Streams
from drover_lab.hyperv.world.runner import HyperV
from drover_lab.hyperv.world.store import add_host
from drover_lab.images import cache
from drover_lab.process import wait_until

pytestmark = pytest.mark.lab
MIB = 2**20
DISK = "D:\\Hyper-V\\Virtual Hard Disks\\guest.vhdx"
# Beyond those that labs take: images are kept by slot.
SLOT = 63


@pytest.fixture
def host() -> Iterator[HyperV]:
    # The path of a socket may not be long, and pytest's own folders are.
    with tempfile.TemporaryDirectory(prefix="drover-hv-") as folder:
        add_host(Path(folder), "hv-a")
        found = HyperV(folder, "hv-a", firmware=definitions.firmware_files(), patience=60.0)
        try:
            yield found
        finally:
            found.reboot()


def script(host: PowerShell, verb: str, **parameters: Any) -> list[Any]:
    assert hyperv.__file__
    text = (Path(hyperv.__file__).parent / "scripts" / f"{verb}.ps1").read_text(encoding="ascii")
    streams = Streams()
    streams.feed(bootstrap.document(text, parameters), True)
    line = bootstrap.command_line()
    code = host.run(Call(line, (), {}, 65001, False, False, "administrator", False), streams)
    streams.finish(code)
    pieces = []
    while (taken := streams.take(1 << 20, 0)) and taken[0]:
        pieces += [data for name, data in taken[0] if name == "stdout"]
    found = bootstrap.answer("hv-a", b"".join(pieces), b"", code)
    assert found["ok"], found
    return list(found["value"])


@pytest.mark.parametrize(("name", "generation", "controller"), [("shop", 1, "IDE"), ("mail", 2, "SCSI")])
def test_a_guest_boots_and_its_disk_stands_still_under_a_checkpoint(
    host: HyperV, name: str, generation: int, controller: str
) -> None:
    guest = guests.Guest(guests.spec(name), "52:54:00:00:00:01", "10.0.0.9")
    (image,) = cache.images(guest, SLOT, print).values()
    disk = {"path": DISK, "size": 192 * MIB, "controller": controller, "number": 0, "location": 0}
    (identity,) = script(
        host, "define", workingName=name, folders=["D:\\Hyper-V\\Virtual Hard Disks"], generation=generation,
        memory=guest.spec.memory, folder="D:\\Hyper-V", version=None, notes="", processors=1, compatibility=False,
        dynamic=None, controllers=[1], disks=[disk], adapters=[], template=None,
        boot=[DISK] if generation == 2 else [],
    )  # fmt: skip
    file = host.host.drives / DISK[0] / DISK[3:].replace("\\", "/")
    subprocess.run(["qemu-img", "convert", "-n", "-f", "raw", "-O", "vhdx", str(image), str(file)], check=True)
    script(host, "power-on", id=identity)
    console = host.host.running / f"{identity}.console"
    wait_until("the guest is up", lambda: b"is up" in console.read_bytes(), deadline=180)

    script(host, "checkpoint-make", id=identity, name="x")
    frozen = file.read_bytes()
    with host.host.state() as state:
        (above,) = (one["path"] for one in state["machines"][identity]["disks"])
    newer = host.host.drives / above[0] / above[3:].replace("\\", "/")
    empty = newer.stat().st_size
    # It writes a tick a second.
    wait_until("the guest wrote", lambda: newer.stat().st_size > empty, deadline=60)
    assert file.read_bytes() == frozen
    assert script(host, "checkpoint-remove", id=identity, name="x") == [DISK]
    assert file.read_bytes() != frozen

    script(host, "shut-down", id=identity)
    assert script(host, "state", id=identity) == ["Off"]
    assert subprocess.run(["qemu-img", "check", "-q", "-f", "vhdx", str(file)], check=False).returncode == 0

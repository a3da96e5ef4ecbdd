"""A vSphere machine moved cold while its line is cut: the transfer goes on where it was, and the bytes are proven."""

import threading
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from movers import MIB, contents, data, fill, kvm_machine, settings
from vcenter_process import VCenter

from drover.blocks.endpoint import Endpoint
from drover.blocks.images import create_image, serve_image
from drover.blocks.readback import read_manifest
from drover.blocks.throttle import Throttle
from drover.blocks.verified import VerifiedCopy, verified_copy
from drover.errors import RetryableError
from drover.hypervisors.vsphere import folder
from drover.hypervisors.vsphere.hypervisor import VsphereHypervisor
from drover.model import DiskFormat

SIZES = (48 * MIB, 6 * MIB)


@pytest.fixture(autouse=True)
def staging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DROVER_STAGING", str(tmp_path / "staging"))


@pytest.fixture
def source(hypervisor: VsphereHypervisor, tmp_path: Path) -> Any:
    machine = kvm_machine("shop")
    disks = zip(machine.disks, SIZES, strict=True)
    machine = replace(machine, disks=tuple(replace(disk, size=size, allocated=size) for disk, size in disks))
    wanted = settings(machine)
    hypervisor.define(machine, wanted)
    fill(hypervisor, "shop", wanted.owner, [data(3, SIZES[0]), data(4, SIZES[1])], tmp_path)
    yield hypervisor
    hypervisor.remove("shop", wanted.owner)


def transfer(source: VsphereHypervisor, place: Path, throttle: Throttle) -> dict[str, VerifiedCopy]:
    """One try of the cold transfer, as the stage does it."""
    with source.read_disks("shop") as sources, ExitStack() as stack:
        copies = {}
        for name, endpoint in sources.items():
            image = place / f"{name.replace(':', '-')}.raw"
            if not image.exists():
                create_image(image, DiskFormat.RAW, endpoint.size)
            target: Endpoint = stack.enter_context(serve_image(image, format=DiskFormat.RAW, read_only=False))
            journal = place / f"{name}.journal"
            copies[name] = verified_copy(endpoint, target, journal=journal, throttle=throttle, progress=lambda _: None)
        return copies


def test_it_is_cut_twice_resumes_and_validates(
    source: VsphereHypervisor, vcenter: VCenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "target"
    place.mkdir()
    # No patience: a cut is a failure of the whole try, as one that lasts longer than Drover waits would be.
    monkeypatch.setattr(folder, "PATIENCE", 0.0)
    done: dict[str, VerifiedCopy] = {}
    cuts = 0
    for number in range(3):
        if number < 2:
            _cut_after(vcenter, place)
        try:
            done = transfer(source, place, Throttle())
        except RetryableError:
            cuts += 1
            vcenter.ask("faults", faults={})
    assert cuts == 2
    first = done["scsi0:0"].copy
    assert first.bytes_resumed > 0, "what was finished is not read again"
    assert first.bytes_read < SIZES[0]
    with source.read_disks("shop") as sources:
        now = {
            name: read_manifest(endpoint, throttle=Throttle(), progress=lambda _: None)
            for name, endpoint in sources.items()
        }
        assert contents(sources)[1] == data(4, SIZES[1])
    assert {name: one.target.root for name, one in done.items()} == {name: one.root for name, one in now.items()}


def _cut_after(vcenter: VCenter, place: Path) -> None:
    """Breaks a transfer once this try has put something new into the journal."""
    journal = place / "scsi0:0.journal"
    before = journal.stat().st_size if journal.exists() else 0

    def watch() -> None:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            if journal.exists() and journal.stat().st_size > before + 200:
                vcenter.ask("faults", faults={"drop_transfers": 1, "drop_after": 1000})
                return
            time.sleep(0.001)

    threading.Thread(target=watch, daemon=True).start()

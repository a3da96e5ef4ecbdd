"""A vSphere machine moves while the line is cut twice: the stage goes on where it was, and what arrived is proven."""

import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "hypervisors" / "vsphere"))
from fake_host import FakeHost
from movers import MIB, data, fill, kvm_machine, settings
from vcenter_process import VCenter

from conftest import LiveFakeHost, Site, build
from drover.errors import RetryableError
from drover.evidence.files import safe_name
from drover.hypervisors import registry
from drover.hypervisors.vsphere import folder
from drover.hypervisors.vsphere.hypervisor import VsphereHypervisor
from drover.migration.disks import BACKED_UP_VERSIONS

SIZE = 48 * MIB


@pytest.fixture
def vcenter(tmp_path: Path) -> Iterator[VCenter]:
    (tmp_path / "vc").mkdir()
    started = VCenter(tmp_path / "vc")
    try:
        yield started
    finally:
        started.stop()


@pytest.fixture
def cold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vcenter: VCenter) -> Site:
    """The machine `web`, which is off, from a vCenter to a fake host."""
    monkeypatch.setenv("DROVER_STAGING", str(tmp_path / "staging"))
    target = FakeHost("b", tmp_path / "b")
    site = build(tmp_path, monkeypatch, LiveFakeHost("a", tmp_path / "a"), target)
    site.wave["mappings"] = {"networks": {}, "storage": {"datastore1": "default"}}
    machine = kvm_machine("web", nics=(), boot_order=())
    machine = replace(machine, disks=(replace(machine.disks[0], size=SIZE, allocated=SIZE),))
    with VsphereHypervisor(vcenter.spec()) as hypervisor:
        hypervisor.define(machine, settings(machine))
        owner = settings(machine).owner
        fill(hypervisor, "web", owner, [data(3, SIZE)], tmp_path)
        hypervisor.tag("web", replace(owner, role="committed"))
    # Each move opens the connection and closes it.
    monkeypatch.setattr(
        registry, "connect", lambda spec: target if spec.id == "b" else VsphereHypervisor(vcenter.spec())
    )
    return site


def test_a_cold_transfer_that_is_cut_twice_resumes_and_validates(
    cold: Site, vcenter: VCenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A cut that lasts longer than Drover waits for the line to come back.
    monkeypatch.setattr(folder, "PATIENCE", 0.0)
    cold.run("inventory")
    cold.run("backup")
    with cold.move() as move:
        # As if somebody had written to the disk since: else the transfer would not need the vCenter.
        move.store.path(BACKED_UP_VERSIONS).unlink()
        journal = move.store.path("journals", f"{safe_name('scsi0:0')}.journal")
        limit = move.store.run.folder / "bandwidth"
    limit.write_text(str(12 * MIB))  # so that no try is over before its line is cut
    for _ in range(2):
        _cut_after(vcenter, journal)
        with pytest.raises(RetryableError, match=r"127\.0\.0\.1"):
            cold.run("transfer")
        vcenter.ask("faults", faults={})
    limit.unlink()
    cold.run("transfer")

    with cold.move() as move:
        failed, passed = (move.store.last("transfer", outcome) for outcome in ("failed", "passed"))
    assert failed is not None
    assert passed is not None
    facts = passed.facts
    assert facts["bytes_resumed"] > 0, "what was finished is not read again"
    assert facts["bytes_read"] + facts["bytes_skipped"] + facts["bytes_resumed"] == SIZE
    assert cold.run("validate")["suites"]["transfer"] > 0


def _cut_after(vcenter: VCenter, journal: Path) -> None:
    """Breaks a transfer once this try has put something new into the journal."""
    before = journal.stat().st_size if journal.exists() else 0

    def watch() -> None:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            if journal.exists() and journal.stat().st_size > before + 200:
                vcenter.ask("faults", faults={"drop_transfers": 1, "drop_after": 1000})
                return
            time.sleep(0.001)

    threading.Thread(target=watch, daemon=True).start()

"""Somebody ends the session in the middle of a transfer: Drover logs in again, and the bytes arrive all the same."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from movers import MIB, contents, data, fill, kvm_machine, settings
from vcenter_process import VCenter

from drover.hypervisors.vsphere import nfc, tasks
from drover.hypervisors.vsphere.hypervisor import VsphereHypervisor
from drover.hypervisors.vsphere.lookup import require

CONTENT = data(7, 2 * MIB)


@pytest.fixture
def machine(hypervisor: VsphereHypervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Its name and its owner; its disk is empty."""
    monkeypatch.setenv("DROVER_STAGING", str(tmp_path / "staging"))
    made = kvm_machine("interrupted")
    made = replace(made, disks=(replace(made.disks[0], size=2 * MIB, allocated=2 * MIB),))
    owner = settings(made).owner
    hypervisor.define(made, settings(made))
    yield made.name, owner
    hypervisor.remove(made.name, owner)


def killed_before(vcenter: VCenter, monkeypatch: pytest.MonkeyPatch, step: str) -> list[int]:
    """Ends all sessions right before this step of a lease, once. :returns: how many were ended, as it happens.

    A step `_at` is in the stream: a piece has gone or come, and there are more.
    """
    real, ended = getattr(nfc.Lease, step), []

    def late(*given: Any) -> Any:
        if not ended:
            ended.append(int(vcenter.ask("end-sessions")))
        return real(*given)

    monkeypatch.setattr(nfc.Lease, step, late)
    return ended


@pytest.mark.parametrize("step", ["upload", "_at"])
def test_while_disks_are_sent(
    hypervisor: VsphereHypervisor,
    vcenter: VCenter,
    machine: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    name, owner = machine
    ended = killed_before(vcenter, monkeypatch, step)
    fill(hypervisor, name, owner, [CONTENT], tmp_path)
    assert ended == [1]
    with hypervisor.read_disks(name) as disks:
        assert contents(disks) == [CONTENT]


@pytest.mark.parametrize("step", ["download", "_at"])
def test_while_disks_are_fetched(
    hypervisor: VsphereHypervisor,
    vcenter: VCenter,
    machine: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    name, owner = machine
    fill(hypervisor, name, owner, [CONTENT], tmp_path)
    reference = require(hypervisor.session, name)
    tasks.wait(hypervisor.session, reference.CreateSnapshot_Task("its own", "", False, False), "a snapshot")
    ended = killed_before(vcenter, monkeypatch, step)
    with hypervisor.read_disks(name) as disks:
        assert "through an export lease" in disks["scsi0:0"].label
        assert contents(disks) == [CONTENT]
    assert ended == [1]

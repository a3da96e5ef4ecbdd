"""Disks into a vCenter: what a kill leaves of the staging folder and of an upload, and names that are too long."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from movers import MIB, contents, data, fill, kvm_machine, settings

from drover.blocks.nbd_client import Connection
from drover.hypervisors.vsphere import disks_in
from drover.hypervisors.vsphere.hypervisor import VsphereHypervisor
from drover.hypervisors.vsphere.names import escape
from drover.model import Ownership

CONTENTS = [data(1, 6 * MIB), data(2, 3 * MIB)]
# With its slashes kept as %2f it is as long as a name may be.
LONG = "a/" * 19 + "b" * 4


@pytest.fixture(autouse=True)
def staging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DROVER_STAGING", str(tmp_path / "staging"))
    return tmp_path / "staging"


@pytest.fixture
def owner(hypervisor: VsphereHypervisor) -> Iterator[Ownership]:
    machine = kvm_machine("sent")
    wanted = settings(machine)
    hypervisor.define(machine, wanted)
    yield wanted.owner
    hypervisor.remove("sent", wanted.owner)


def test_what_a_killed_clean_up_left_is_not_taken_for_what_was_written(
    hypervisor: VsphereHypervisor, owner: Ownership, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A journal that says that all is written is bound to the label: empty images must have another one."""
    labels: list[str] = []
    real = disks_in.shutil.rmtree

    def killed(place: Path, **given: bool) -> None:
        if not place.name.startswith("in-"):  # Others use it, too.
            real(place, **given)
            return
        for image in place.glob("*.raw"):
            image.unlink()
        raise KeyboardInterrupt

    def write() -> None:
        with hypervisor.write_disks("sent", owner) as targets:
            labels.extend(target.label for target in targets.values())
            for target in targets.values():
                with Connection(target):
                    """As one that finds all of it in its journal."""

    monkeypatch.setattr(disks_in.shutil, "rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        write()
    monkeypatch.setattr(disks_in.shutil, "rmtree", real)
    write()
    assert set(labels[:2]).isdisjoint(labels[2:])


def test_a_long_name_has_an_upload_of_its_own(hypervisor: VsphereHypervisor, tmp_path: Path) -> None:
    assert len(escape(LONG)) == 80
    carriers = [disks_in._carrier(name) for name in ("short", LONG, f"{LONG[:-1]}c")]
    assert carriers[0] == "short-drover-upload"
    assert [len(escape(name)) <= 80 for name in carriers] == [True] * 3
    assert len(set(carriers)) == 3
    machine = kvm_machine(LONG)
    wanted = settings(machine)
    hypervisor.define(machine, wanted)
    try:
        fill(hypervisor, LONG, wanted.owner, CONTENTS, tmp_path)
        with hypervisor.read_disks(LONG) as endpoints:
            assert contents(endpoints) == CONTENTS
        assert [one.name for one in hypervisor.machines() if "drover-upload" in one.name] == []
    finally:
        hypervisor.remove(LONG, wanted.owner)

"""A KVM machine moves to vSphere and back: the same files, the same settings, and what is another was named before."""

import os
import shutil
import subprocess
import sys
import tarfile
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, cast

import pytest

sys.path.append(str(Path(__file__).parents[1] / "stages"))
from lab_moves import LabMove  # noqa: E402

from drover.hypervisors.registry import connect  # noqa: E402
from drover.model import VirtualMachine  # noqa: E402
from drover.ovf.exporting import export_machine  # noqa: E402
from drover.ovf.importing import import_package  # noqa: E402
from drover_lab import connections  # noqa: E402
from drover_lab.appliance import appliance_environment  # noqa: E402
from drover_lab.demo.proof import files_problem  # noqa: E402
from drover_lab.images import cache, listing  # noqa: E402
from drover_lab.lab import Lab  # noqa: E402
from drover_lab.vcenter import host  # noqa: E402

pytestmark = pytest.mark.lab
NAME = "shop"
AGAIN = "shop again"
LOOKS = ("inventory", "preflight")
REST = ("backup", "transfer", "validate", "trial", "cutover", "commit")
FILES_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Trip:
    """:param named: what each concern about the translation had found, before the machine went to vSphere."""

    first: VirtualMachine
    between: VirtualMachine
    last: VirtualMachine
    named: dict[str, str]


def leg(lab: Lab, root: Path, source: str, target: str, storage: dict[str, str]) -> LabMove:
    (root / "backup").mkdir(parents=True)
    wave = {
        "wave": root.name,
        "source": source,
        "target": target,
        "mappings": {"networks": {"production": "production"}, "storage": storage},
        "backup": {"folder": str(root / "backup")},
        "machines": [
            {
                "name": NAME,
                "strategy": "cold",
                "checks": [{"http": {"url": f"{lab.machines[NAME].url}/health", "contains": f'"{NAME}"'}}],
                "waive": [{"id": "translation.disk_controller", "reason": "The guest knows all of them."}],
            }
        ],
    }
    return LabMove(lab, root / "store", wave)


def seen(move: LabMove, end: str) -> VirtualMachine:
    with move.open() as opened:
        found: VirtualMachine = getattr(opened, end).machine(NAME)
    return found


def named(move: LabMove) -> dict[str, str]:
    """What the pre-flight said would be another at the target, before anything was done."""
    with move.open() as opened:
        found = opened.store.read_json("concerns.json")
    return {one["id"]: one["assessment"] for one in found if one["id"].startswith("translation.")}


@pytest.fixture(scope="module")
def trip(vlab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trip]:
    root = tmp_path_factory.mktemp("trip")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**appliance_environment(), "DROVER_STAGING": str(root / "staging")}.items():
            patch.setenv(name, value)
        try:
            yield travel(vlab, root)
        finally:
            vlab.reset(NAME)


def travel(lab: Lab, root: Path) -> Trip:
    lab.place(NAME, "kvm-a")
    there = leg(lab, root / "there", "lab_kvm_a", "lab_vc_a", {"default": "datastore1"})
    there.run(*LOOKS)
    first = seen(there, "source")
    there.run(*REST)
    between = seen(there, "target")
    back = leg(lab, root / "back", "lab_vc_a", "lab_kvm_b", {"datastore1": "default"})
    back.run(*LOOKS, *REST)
    return Trip(first, between, seen(back, "target"), named(there))


def test_the_same_guest_files_come_back(vlab: Lab, trip: Trip) -> None:
    states = {host: found[NAME] for host, found in vlab.states().items() if NAME in found}
    assert states == {"kvm-a": "off", "vc-a": "off", "kvm-b": "running"}
    guest = vlab.machines[NAME]
    with urllib.request.urlopen(f"{guest.url}/files", timeout=FILES_SECONDS) as answer:
        assert files_problem(cache.seeded(guest, vlab.topology.state.slot), listing.listed(answer)) == ""
    ticks = [number for number, _ in vlab.journal(NAME)]
    assert ticks == list(range(1, len(ticks) + 1)), "its journal goes on, without a gap in its numbers"


# What neither hypervisor has of the other's, and the concern that says so before the move.
NAMED_BY = {
    "CPU model": "translation.cpu",
    "disk 1 hangs on": "translation.disk_controller",
    "adapter 1 model": "translation.nic_model",
}


def settings(machine: VirtualMachine) -> dict[str, Any]:
    """By place: each hypervisor has names of its own for disks."""
    cpu, places = machine.cpu, {disk.name: place for place, disk in enumerate(machine.disks, 1)}
    found: dict[str, Any] = {
        "name": machine.name,
        "UUID": machine.uuid,
        "power": machine.state,
        "CPUs": (cpu.count, cpu.sockets, cpu.cores, cpu.threads),
        "CPU model": cpu.model or "its hypervisor's own",
        "memory": machine.memory,
        "firmware": (machine.firmware, machine.secure_boot),
        "starts with its host": machine.autostart,
        "boot order": [places.get(name, name) for name in machine.boot_order],
        "disks": len(machine.disks),
        "adapters": len(machine.nics),
    }
    for place, disk in enumerate(machine.disks, 1):
        found[f"disk {place}"] = (disk.size, disk.serial, disk.read_only, disk.shared)
        found[f"disk {place} hangs on"] = disk.controller or disk.bus
    for place, nic in enumerate(machine.nics, 1):
        found[f"adapter {place}"] = (nic.mac, nic.network)
        found[f"adapter {place} model"] = nic.model
    return found


def changed(before: VirtualMachine, after: VirtualMachine) -> set[str]:
    one, other = settings(before), settings(after)
    assert one.keys() == other.keys()
    return {what for what in one if one[what] != other[what]}


def test_the_same_settings_come_back_and_the_rest_was_named_beforehand(trip: Trip) -> None:
    assert changed(trip.first, trip.between) == set(NAMED_BY)
    for what, concern in NAMED_BY.items():
        for machine in (trip.first, trip.between):
            assert settings(machine)[what] in trip.named[concern], f"{what}: {trip.named[concern]}"
    assert changed(trip.first, trip.last) <= set(NAMED_BY)
    # KVM has what it was given there; only a CPU without a model of its own is that of where it runs.
    assert changed(trip.between, trip.last) <= {"CPU model"}


def test_what_is_left_at_the_vcenter_is_exported_read_by_others_and_imported_again(
    vlab: Lab, trip: Trip, tmp_path: Path
) -> None:
    ova = tmp_path / "shop.ova"
    with connect(connections.spec(vlab, "vc-a")) as center:
        export_machine(center, NAME, ova, progress=lambda _: None)
    with connect(connections.spec(vlab, "kvm-a")) as kvm:
        networks = {"production": "production"}
        done = import_package(kvm, ova, name=AGAIN, networks=networks, pool="default", progress=lambda _: None)
        made = done.machine
        try:
            compare(vlab, ova, made, tmp_path)
        finally:
            assert made.ownership is not None
            mine = replace(made.ownership, role="target")
            kvm.tag(AGAIN, mine)
            kvm.remove(AGAIN, mine)
    environment = {**os.environ, "LIBGUESTFS_BACKEND": "direct", "TMPDIR": str(tmp_path)}
    command = ["virt-v2v", "-i", "ova", str(ova), "--print-source"]
    told = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=environment)
    assert told.returncode == 0, told.stderr
    for fact in (f"source name: {NAME}", "0 [scsi]", f"mac: {vlab.machines[NAME].mac} [vmxnet3]"):
        assert fact in told.stdout


def compare(lab: Lab, ova: Path, imported: VirtualMachine, folder: Path) -> None:
    """By qemu-img: the disk at the vCenter, what was packed of it, and what was made of that."""
    packed = folder / "packed.vmdk"
    with tarfile.open(ova) as archive, packed.open("wb") as file:
        (disk,) = (member for member in archive if member.name.endswith(".vmdk"))
        shutil.copyfileobj(cast(IO[bytes], archive.extractfile(disk)), file)
    (flat,) = (host.datastore(lab.topology.host("vc-a"), "datastore1") / NAME).glob("*-flat.vmdk")
    made = lab.topology.host("kvm-a").folder / "var-lib-libvirt/images" / Path(imported.disks[0].path).name
    for kind, image in (("raw", flat), ("qcow2", made)):
        subprocess.run(["qemu-img", "compare", "-f", "vmdk", "-F", kind, str(packed), str(image)], check=True)

"""Machines of a vCenter that cannot simply move: what the plan says of each, as the user reads it."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from vcenter_process import device, disk, make_machine

from drover.concerns.gather import assemble, read_facts
from drover.concerns.run import run
from drover.errors import OperatorNeededError
from drover.hypervisors.vsphere import tasks
from drover.hypervisors.vsphere.hypervisor import VsphereHypervisor
from drover.model import Category, Concern
from drover.waves.schema import Wave

sys.path.append(str(Path(__file__).parents[2] / "waves"))
from fleet import Site, resolve  # noqa: E402

NAME = "not so simple"
CRITICAL, WARNING = Category.CRITICAL, Category.WARNING


def pvscsi(**values: Any) -> Any:
    from pyVmomi import vim

    return device(vim.vm.device.ParaVirtualSCSIController, key=1000, busNumber=0, **{"sharedBus": "noSharing"} | values)


def raw_disk() -> Any:
    from pyVmomi import vim

    kind = vim.vm.device.VirtualDisk.RawDiskMappingVer1BackingInfo
    return disk(2000, 1000, 0, kind=kind, deviceName="vml.02", compatibilityMode="physicalMode")


def setting(key: str, value: str) -> Any:
    from pyVmomi import vim

    return vim.option.OptionValue(key=key, value=value)


def tpm() -> Any:
    from pyVmomi import vim

    return device(vim.vm.device.VirtualTPM, key=11000)


CASES: dict[str, tuple[Callable[[], dict[str, Any]], str, str]] = {
    "independent": (
        lambda: {"deviceChange": [pvscsi(), disk(2000, 1000, 0, diskMode="independent_persistent")]},
        "disk.independent",
        f"Disk scsi0:0 of '{NAME}' is independent, so snapshots leave it out. It can be read while the machine is off, "
        "as it is now, and not while it runs. Leave the machine off until it has moved.",
    ),
    "raw mapping": (
        lambda: {"deviceChange": [pvscsi(), raw_disk()]},
        "disk.raw_mapping",
        f"Disk scsi0:0 of '{NAME}' stands for a LUN or a physical disk. What lies behind it is often shared by several "
        "machines, and belongs to the storage, not to this one; it may not even be reachable from where the disks are "
        "copied. Turn it into an ordinary disk at the source, or move the LUN with the storage and detach it here.",
    ),
    "shared": (
        lambda: {"deviceChange": [pvscsi(sharedBus="physicalSharing"), disk(2000, 1000, 0)]},
        "disk.shared",
        f"Disk scsi0:0 of '{NAME}' ([datastore1] {NAME}/{NAME}.vmdk) is shared. Who else writes to it would go on at "
        "the source, and the two copies would part. Move the cluster by its own means, or detach the disk first.",
    ),
    "multi-writer": (
        lambda: {"deviceChange": [pvscsi(), disk(2000, 1000, 0, sharing="sharingMultiWriter")]},
        "disk.shared",
        f"Disk scsi0:0 of '{NAME}' ([datastore1] {NAME}/{NAME}.vmdk) is shared. Who else writes to it would go on at "
        "the source, and the two copies would part. Move the cluster by its own means, or detach the disk first.",
    ),
    "vTPM": (
        lambda: {"deviceChange": [tpm()]},
        "device.tpm",
        f"Machine '{NAME}' has a TPM (tpm). Its secrets lie outside the disks and do not move along: an encrypted disk "
        "would ask for its recovery key, or never open again. Have the recovery keys at hand and suspend the disk "
        "encryption, then waive this.",
    ),
    "fault tolerance": (
        lambda: {"extraConfig": [setting("drover.ft", "running")]},
        "machine.fault_tolerant",
        f"Machine '{NAME}' runs with fault tolerance, as two machines in step. It takes no snapshots, so it cannot be "
        "backed up, and its twin would stay behind, running. Turn fault tolerance off for it before the wave, and on "
        "again at the target.",
    ),
}


@pytest.fixture
def made(hypervisor: VsphereHypervisor) -> Iterator[Callable[..., Any]]:
    machines: list[Any] = []

    def make(**config: Any) -> Any:
        machines.append(make_machine(hypervisor.session, NAME, **config))
        return machines[-1]

    yield make
    for machine in machines:
        tasks.wait(hypervisor.session, machine.Destroy_Task(), "cleaning up", deadline=30)


def concerns(hypervisor: VsphereHypervisor, strategy: str = "cold") -> dict[str, Concern]:
    """What a plan to a KVM host finds, by id."""
    wave = Wave.model_validate(
        {
            "wave": "w",
            "source": "a",
            "target": "b",
            "mappings": {"networks": {}, "storage": {"datastore1": "default"}},
            "backup": {"folder": "/tmp"},
            "machines": [{"name": NAME, "strategy": strategy}],
        }
    )
    target = Site("kvm-b", [])
    facts = {"a": read_facts(hypervisor), "b": read_facts(target)}
    return {one.id: one for one in run(assemble(wave, wave.machines[0], facts, resolve, target.translated))}


@pytest.mark.parametrize("case", CASES)
def test_the_plan_says_it(hypervisor: VsphereHypervisor, made: Callable[..., Any], case: str) -> None:
    config, concern, sentence = CASES[case]
    made(**config())
    found = concerns(hypervisor)
    assert sentence in found[concern].assessment
    assert found[concern].category is (WARNING if case == "independent" else CRITICAL)


def test_an_independent_disk_of_a_machine_that_runs_is_told_and_not_read(
    hypervisor: VsphereHypervisor, made: Callable[..., Any]
) -> None:
    made(deviceChange=[pvscsi(), disk(2000, 1000, 0, diskMode="independent_persistent")])
    hypervisor.power_on(NAME)
    try:
        found = concerns(hypervisor)["disk.independent"]
        assert found.category is CRITICAL
        assert found.assessment == (
            f"Disk scsi0:0 of '{NAME}' is independent, so snapshots leave it out. Without a snapshot a running "
            "machine's disk cannot be backed up as it is at one moment. Make it dependent (its disk mode "
            "'persistent'), or shut the machine down before the wave."
        )
        with pytest.raises(OperatorNeededError) as caught:
            hypervisor.read_disks(NAME).__enter__()
        assert str(caught.value) == (
            f"Disk scsi0:0 of machine '{NAME}' on 127.0.0.1 is independent: a snapshot leaves it out, so it cannot be "
            "read while the machine runs. Make it dependent, or shut the machine down first and leave it off for the "
            "whole move."
        )
        assert hypervisor.machine(NAME).snapshots == ()
    finally:
        hypervisor.power_off(NAME)


def test_a_snapshot_chain_stays_behind_and_forbids_a_live_move(
    hypervisor: VsphereHypervisor, made: Callable[..., Any]
) -> None:
    machine = made()
    for name in ("before the update", "after it"):
        tasks.wait(hypervisor.session, machine.CreateSnapshot_Task(name, "", False, False), "a snapshot", deadline=30)
    told = f"Machine '{NAME}' has the snapshots before the update, after it. "
    cold, live = (concerns(hypervisor, strategy)["machine.snapshots"] for strategy in ("cold", "live"))
    assert (cold.category, cold.assessment) == (
        WARNING,
        f"{told}Only the machine's present state is moved; the snapshots stay at the source. "
        "Delete those that nobody needs; nothing else is needed.",
    )
    assert (live.category, live.assessment) == (
        CRITICAL,
        f"{told}The hypervisor refuses to move a running machine that has any. "
        "Delete them, or choose the strategy 'cold'.",
    )


def test_nothing_is_said_of_a_machine_that_is_simple(hypervisor: VsphereHypervisor, made: Callable[..., Any]) -> None:
    made(deviceChange=[pvscsi(), disk(2000, 1000, 0)])
    unwanted = {concern for _, concern, _ in CASES.values()} | {"machine.snapshots"}
    assert unwanted.isdisjoint(concerns(hypervisor))


def test_two_machines_of_one_name_are_refused(hypervisor: VsphereHypervisor, made: Callable[..., Any]) -> None:
    first, second = made(), make_machine(hypervisor.session, NAME, folder="elsewhere")
    try:
        found = concerns(hypervisor)["machine.ambiguous"]
        assert found.category is CRITICAL
        assert f"2 machines at the source are named '{NAME}': " in found.assessment
        for machine in (first, second):
            assert f"{machine._moId} on esx-t1" in found.assessment
        assert found.assessment.endswith("Nobody can tell which one is meant. Rename all but one of them.")
    finally:
        tasks.wait(hypervisor.session, second.Destroy_Task(), "cleaning up", deadline=30)


def test_a_machine_that_somebody_renamed_is_not_found_any_more(
    hypervisor: VsphereHypervisor, made: Callable[..., Any]
) -> None:
    machine = made()
    assert "machine.unknown" not in concerns(hypervisor)
    tasks.wait(hypervisor.session, machine.Rename_Task("not so simple 2"), "a rename", deadline=30)
    found = concerns(hypervisor)["machine.unknown"]
    assert found.category is CRITICAL
    assert found.assessment == (
        f"127.0.0.1 has no machine '{NAME}'. There is nothing to move. "
        "Did you mean 'not so simple 2'? Correct the name or the source in the wave file."
    )

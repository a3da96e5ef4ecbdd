"""What goes wrong on real hosts in the middle of the work: what the operator reads, and that the source runs on."""

import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from lab_moves import MIB, LabMove, wait_for

from drover.errors import DroverError, OperatorNeededError, RetryableError
from drover_lab.host_files import SMALL_POOL_BYTES
from drover_lab.lab import Lab

pytestmark = pytest.mark.lab


def runs_again(move: LabMove) -> bool:
    move.lab.wait_healthy(move.name)
    return move.runs_at("kvm-a") and move.one_at_most()


def test_a_target_host_that_is_gone_in_the_middle_of_a_transfer(moving: Callable[..., LabMove]) -> None:
    move = moving()
    move.run("inventory", "preflight", "backup")
    move.limit(4 * MIB)
    try:
        with ThreadPoolExecutor(1) as pool:
            transfer = pool.submit(move.run, "transfer")
            wait_for(lambda: transfer.done() or move.served("kvm-b"))
            move.lab.stop_host("kvm-b")
            with pytest.raises(RetryableError, match=f"kvm-b|{move.lab.topology.host('kvm-b').address}") as told:
                transfer.result()
        assert "Traceback" not in str(told.value)
        assert told.value.remedy
        facts = move.run("rollback")
        assert facts["target"].startswith("not seen: its host does not answer")
        assert runs_again(move)
    finally:
        move.lab.start_host("kvm-b")
    # What was made there is found again, and may be made into the target by the next try.
    assert move.lab.states()["kvm-b"]["web"] == "off"


@pytest.fixture
def roomy_pool(lab: Lab) -> Iterator[str]:
    """The target's small pool with room for a machine; its folder."""
    folder = "/var/lib/libvirt/small"
    lab.run("kvm-b", ["mount", "-o", "remount,size=400m", folder])
    lab.virsh("kvm-b", "pool-refresh", "small")
    yield folder
    lab.run("kvm-b", ["find", folder, "-type", "f", "-delete"])
    lab.run("kvm-b", ["mount", "-o", f"remount,size={SMALL_POOL_BYTES}", folder])
    lab.virsh("kvm-b", "pool-refresh", "small")


def test_a_pool_that_fills_up_while_disks_are_copied_into_it(moving: Callable[..., LabMove], roomy_pool: str) -> None:
    mappings = {"networks": {"production": "production"}, "storage": {"default": "small"}, "test_network": "isolated"}
    move = moving(mappings=mappings)
    move.run("inventory", "preflight", "backup")
    move.limit(4 * MIB)
    with ThreadPoolExecutor(1) as pool:
        transfer = pool.submit(move.run, "transfer")
        wait_for(lambda: transfer.done() or move.served("kvm-b"))
        move.lab.run("kvm-b", ["dd", "if=/dev/zero", f"of={roomy_pool}/other", "bs=1M"], check=False)
        move.limit(None)
        with pytest.raises(OperatorNeededError, match="There is no room left for .*web.*vda.*kvm-b") as told:
            transfer.result()
    assert told.value.remedy == "Make room, then try again."

    assert move.run("rollback")["target"] == "removed"
    assert move.lab.run("kvm-b", ["ls", roomy_pool]).split() == ["other"]
    assert runs_again(move)
    assert move.leftovers() == []


@pytest.fixture
def small_folder(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "small", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_backup_folder_that_is_full(moving: Callable[..., LabMove], small_folder: Path) -> None:
    move = moving(backup={"folder": str(small_folder)})
    move.run("inventory")

    with pytest.raises(DroverError, match="There is no room left") as told:
        move.run("backup")

    assert str(small_folder) in str(told.value)
    assert runs_again(move), "it never stopped"
    assert move.run("rollback") == {"nothing": "no change had been made yet"}
    assert move.leftovers() == []

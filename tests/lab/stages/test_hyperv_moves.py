"""Machines of Hyper-V hosts through every stage: to KVM and back with a trial on each side, and live to another."""

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from lab_moves import MIB, LabMove, wait_for

from drover.errors import RetryableError
from drover.hypervisors.hyperv import checkpoints
from drover.hypervisors.hyperv.hypervisor import HypervHypervisor
from drover_lab.lab import Lab

pytestmark = pytest.mark.lab
NAME = "mill"
LIVE = "forge"


def move_of(lab: Lab, tmp_path: Path, source: str, target: str, name: str = NAME, **more: Any) -> LabMove:
    storage = {"D:": "default"} if target.startswith("kvm") else {"default": "D:", "D:": "D:"}
    backup = tmp_path / f"backup-{source}-{target}"
    wave: dict[str, Any] = {
        "wave": "mill",
        "source": lab.topology.host(source).connection_id,
        "target": lab.topology.host(target).connection_id,
        "mappings": {"networks": {"production": "production"}, "storage": storage, "test_network": "isolated"},
        "backup": {"folder": str(backup)},
        "machines": [
            {
                "name": name,
                "strategy": "cold",
                "checks": [{"http": {"url": f"{lab.machines[name].url}/health", "contains": f'"{name}"'}}],
                **more,
            }
        ],
    }
    backup.mkdir()
    return LabMove(lab, tmp_path / f"{source}-{target}", wave)


def quiet(lab: Lab) -> None:
    """No shell is open, nothing was asked that is not modelled, and nobody serves a disk."""
    for host in ("hv-a", "hv-b"):
        status = lab.ask_hyperv(host, "status")
        assert (status["shells"], status["unmodelled"]) == ([], [])


def test_from_hyper_v_to_kvm_and_to_the_other_hyper_v_host(hlab: Lab, tmp_path: Path) -> None:
    lab = hlab
    if lab.states()["hv-a"].get(NAME) != "running":
        lab.reset(NAME)
    before = lab.journal(NAME)
    there = move_of(lab, tmp_path, "hv-a", "kvm-b")
    there.run("inventory", "preflight", "backup", "transfer", "validate")
    assert there.run("trial")["network"] == "isolated"
    there.run("cutover", "commit")
    assert (lab.states()["hv-a"][NAME], lab.states()["kvm-b"][NAME]) == ("off", "running")

    back = move_of(lab, tmp_path, "kvm-b", "hv-b")
    back.run("inventory", "preflight", "backup", "transfer", "validate")
    assert back.run("trial")["network"] == "isolated"
    back.run("cutover", "commit")
    states = {host: found[NAME] for host, found in lab.states().items() if NAME in found}
    assert states == {"hv-a": "off", "kvm-b": "off", "hv-b": "running"}
    assert lab.journal(NAME)[: len(before)] == before
    quiet(lab)


def test_live_to_the_other_hyper_v_host(hlab: Lab, tmp_path: Path) -> None:
    lab = hlab
    if lab.states()["hv-a"].get(LIVE) != "running":
        lab.reset(LIVE)
    before = lab.journal(LIVE)
    changing = {"changing": ["/var/log/tick.journal"]}
    move = move_of(lab, tmp_path, "hv-a", "hv-b", LIVE, strategy="live", guest_files=changing)
    move.run("inventory", "preflight", "backup", "transfer")
    assert [found.get(LIVE) for found in lab.states().values()].count("running") == 1
    assert move.run("validate")["compared_with"]["files"] == "the verified backup"
    move.run("trial", "cutover", "commit")
    assert {host: found[LIVE] for host, found in lab.states().items() if LIVE in found} == {"hv-b": "running"}
    ticks = lab.journal(LIVE)
    assert ticks[: len(before)] == before
    assert {after - number for (number, _), (after, _) in pairwise(ticks)} == {1}
    quiet(lab)


def test_a_live_move_is_taken_back_with_what_a_killed_validation_left_at_the_target(hlab: Lab, tmp_path: Path) -> None:
    lab = hlab
    lab.reset(LIVE)
    move = move_of(lab, tmp_path, "hv-a", "hv-b", LIVE, strategy="live")
    move.run("inventory", "preflight", "backup", "transfer")
    with move.open() as opened:
        assert isinstance(opened.target, HypervHypervisor)
        checkpoints.make(opened.target.session, opened.target.machine(LIVE).id or "", checkpoints.READ)
    assert move.run("rollback")["target"] == "the machine came back from there while it ran"
    assert {host: found[LIVE] for host, found in lab.states().items() if LIVE in found} == {"hv-a": "running"}
    with move.open() as opened:
        assert opened.source.machine(LIVE).snapshots == ()
    quiet(lab)


def test_a_target_host_that_restarts_in_the_middle_of_a_transfer(hlab: Lab, tmp_path: Path) -> None:
    """The retry goes on, or a rollback leaves the source running and nothing at the target."""
    lab = hlab
    lab.reset(NAME)
    move = move_of(lab, tmp_path, "hv-a", "hv-b")
    move.run("inventory", "preflight", "backup")
    move.limit(4 * MIB)
    with ThreadPoolExecutor(1) as pool:
        transfer = pool.submit(move.run, "transfer")
        wait_for(lambda: transfer.done() or (NAME in lab.states()["hv-b"] and served()))
        lab.stop_host("hv-b")
        with pytest.raises(RetryableError, match=lab.topology.host("hv-b").address) as told:
            transfer.result()
    assert "Traceback" not in str(told.value)
    assert told.value.remedy
    lab.start_host("hv-b")
    assert lab.states()["hv-b"][NAME] == "off"
    facts = move.run("rollback")
    assert (facts["source"], facts["target"]) == ("running", "removed")
    lab.wait_healthy(NAME)
    assert NAME not in lab.states()["hv-b"]
    assert served() is False
    quiet(lab)


def served() -> bool:
    """Whether this process serves a disk of a Hyper-V host."""
    command = ["pgrep", "--parent", str(os.getpid()), "--full", "nbdkit .*smb_plugin.py"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0

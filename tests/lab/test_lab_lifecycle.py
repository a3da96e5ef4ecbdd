"""Up, down, mending, and labs side by side; all with hosts but without machines."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from airflow.sdk import Connection

from drover.errors import OperatorNeededError
from drover_lab import host, network, slots, state
from drover_lab import lab as labs
from drover_lab.lab import Lab
from drover_lab.process import ProcessRecord, output, run
from drover_lab.topology import HYPERV, LabHost

pytestmark = pytest.mark.lab
MakeLab = Callable[..., Lab]


def answers(lab: Lab) -> bool:
    return all("production" in lab.virsh(where.name, "net-list", "--name") for where in lab.hosts)


def daemon(lab: Lab, where: LabHost, name: str) -> int:
    """Its pid inside the host; the test must not see any other host's."""
    pids = lab.run(where.name, ["pgrep", "--exact", "--oldest", name]).split()
    assert len(pids) == 1
    return int(pids[0])


def remains(name: str, slot: int) -> list[str]:
    """Everything on this machine that could be of that lab."""
    found = [line for line in output(["ip", "netns", "list"]).splitlines() if line.startswith(f"drover-{name}.")]
    links = json.loads(output(["ip", "-json", "link", "show"]))
    found += [link["ifname"] for link in links if link["ifname"] in (f"drover{slot}m", f"drover{slot}p")]
    found += [line for line in Path("/proc/mounts").read_text().splitlines() if f"/{name}/" in line or name in line]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            mounts = (process / "mountinfo").read_text()
        except (FileNotFoundError, ProcessLookupError, OSError):
            continue
        if f"/labs/{name}/" in command + mounts:
            found.append(f"process {process.name}: {command}")
    found += [str(path) for path in state.labs_folder().glob(f"*{name}*")]
    return found + ([f"slot {slots.find(name)}"] if slots.find(name) is not None else [])


def test_down_leaves_nothing(empty_lab: MakeLab) -> None:
    lab = empty_lab("down")
    assert len(remains(lab.name, lab.topology.state.slot)) > 5, "the search itself must find a lab that is up"
    labs.down(lab.name)
    assert remains(lab.name, lab.topology.state.slot) == []


def test_up_twice_changes_nothing(empty_lab: MakeLab) -> None:
    lab = empty_lab("twice")
    before = [ProcessRecord.load(host.record_path(where)) for where in lab.hosts]
    again = labs.up(lab.name)
    assert again == lab
    assert [ProcessRecord.load(host.record_path(where)) for where in lab.hosts] == before


@pytest.mark.parametrize("name", ["libvirtd", "sshd", "virtlogd"])
def test_a_dead_daemon_is_started_again(empty_lab: MakeLab, name: str) -> None:
    lab = empty_lab("daemon")
    where = lab.hosts[1]
    before = daemon(lab, where, name)
    lab.run(where.name, ["kill", "-KILL", str(before)], check=False)
    labs.up(lab.name)
    assert answers(lab)
    assert daemon(lab, where, name) != before


def test_up_mends_a_dead_host(empty_lab: MakeLab) -> None:
    lab = empty_lab("host")
    record = ProcessRecord.load(host.record_path(lab.hosts[0]))
    assert record is not None
    record.kill()
    assert not host.is_running(lab.hosts[0])
    assert host.is_running(lab.hosts[1])
    labs.up(lab.name)
    assert answers(lab)


def test_hyper_v_hosts_are_mended_and_leave_nothing(empty_lab: MakeLab) -> None:
    lab = empty_lab("hyperv", HYPERV)
    record = ProcessRecord.load(host.record_path(lab.topology.host("hv-a")))
    assert record is not None
    record.kill()
    assert not host.is_running(lab.topology.host("hv-a"))
    labs.up(lab.name)
    assert [lab.ask_hyperv(name, "status")["name"] for name in ("hv-a", "hv-b")] == ["hv-a", "hv-b"]
    labs.down(lab.name)
    assert remains(lab.name, lab.topology.state.slot) == []


def test_up_mends_a_broken_network(empty_lab: MakeLab) -> None:
    lab = empty_lab("network")
    topology = lab.topology
    run(["ip", "-n", topology.site_namespace("a"), "link", "delete", "line-m"])
    run(["ip", "link", "delete", topology.management_interface])
    run(["ip", "netns", "delete", lab.hosts[0].namespace])
    # What a killed `ip netns add` leaves: the file, and no namespace mounted on it.
    (network.NETNS_FOLDER / lab.hosts[0].namespace).write_text("")
    labs.up(lab.name)
    assert answers(lab)


@pytest.mark.parametrize("seconds", [0.2, 0.7, 1.5, 3.0])
def test_up_mends_what_a_killed_up_left(empty_lab: MakeLab, seconds: float) -> None:
    name = f"pytest{os.getpid()}-killed"
    command = [sys.executable, "-m", "drover_lab", "up", "--name", name, "--machines", "none"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.wait()
    lab = empty_lab("killed")
    assert answers(lab)
    labs.down(name)
    assert remains(name, lab.topology.state.slot) == []


def test_down_of_what_a_killed_up_left() -> None:
    name = f"pytest{os.getpid()}-begun"
    command = [sys.executable, "-m", "drover_lab", "up", "--name", name, "--machines", "none"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not (state.labs_folder() / name / "hosts/kvm-a/process.json").exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        slot = slots.find(name)
        labs.down(name)
    assert slot is not None
    assert remains(name, slot) == []


def test_down_spares_a_process_that_got_the_pid_since(empty_lab: MakeLab) -> None:
    lab = empty_lab("pid")
    bystander = subprocess.Popen(["sleep", "600"])
    try:
        record = ProcessRecord.of(bystander.pid)
        assert record is not None
        lab.stop_host("kvm-a")
        ProcessRecord(record.pid, record.started - 1, record.boot).save(host.record_path(lab.hosts[0]))
        labs.down(lab.name)
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_two_labs_side_by_side(empty_lab: MakeLab) -> None:
    one, two = empty_lab("one"), empty_lab("two")
    assert one.topology.state.slot != two.topology.state.slot
    assert answers(one)
    assert answers(two)
    # The other lab's controller key and host keys are strangers here.
    foreign = two.hosts[0].address
    assert run([*one.ssh_command("kvm-a")[:-1], f"root@{foreign}", "true"], check=False, timeout=30).returncode != 0
    knock = f"exec 3<>/dev/tcp/{foreign}/22"
    assert one.run("kvm-a", ["bash", "-c", f"({knock}) 2>&1 || true"]).strip().endswith("Network is unreachable")
    labs.down(one.name)
    assert answers(two)


def test_one_command_at_a_time(empty_lab: MakeLab) -> None:
    lab = empty_lab("lock")
    with state.locked(lab.name), pytest.raises(OperatorNeededError, match="Another command is changing"):
        labs.up(lab.name)
    labs.up(lab.name)


def test_status_has_the_agreed_shape(empty_lab: MakeLab) -> None:
    lab = empty_lab("status")
    command = [sys.executable, "-m", "drover_lab"]
    found = json.loads(output([*command, "status", "--json", "--name", lab.name]))
    assert json.loads(output([*command, "up", "--json", "--name", lab.name, "--machines", "none"])) == found
    assert [(one["name"], one["site"], one["hypervisor"], one["state"]) for one in found["hosts"]] == [
        ("kvm-a", "a", "libvirt", "running"),
        ("kvm-b", "b", "libvirt", "running"),
    ]
    # As Airflow takes it, which refuses what it does not know.
    assert {"id": found["hosts"][0]["connection_id"], **found["hosts"][0]["connection"]} == lab.connection("kvm-a")
    Connection.from_json(json.dumps(found["hosts"][0]["connection"]))
    assert found["machines"] == []
    lab.stop_host("kvm-b")
    assert labs.status(lab.name)["hosts"][1]["state"] == "down"

"""The lab's Hyper-V hosts: reached as users reach theirs, they lose power, lose a process, and come back."""

import os
import subprocess
from pathlib import Path

import pytest

from drover.hypervisors import registry
from drover.model import Firmware, PowerState
from drover_lab import connections, identity
from drover_lab import lab as labs
from drover_lab.hyperv import lab_host
from drover_lab.lab import Lab
from drover_lab.process import wait_until

pytestmark = pytest.mark.lab
MIB = 1 << 20


def test_hosts_and_machines_are_seen_by_status_and_by_the_product(hlab: Lab) -> None:
    hlab.reset_all()
    found = labs.status(hlab.name)
    assert [(one["name"], one["site"], one["state"]) for one in found["hosts"] if one["hypervisor"] == "hyperv"] == [
        ("hv-a", "a", "running"),
        ("hv-b", "b", "running"),
    ]
    assert [(one["name"], one["host"], one["state"]) for one in found["machines"]] == [
        ("mill", "hv-a", "running"),
        ("forge", "hv-a", "running"),
    ]
    secret = identity.password(hlab.topology, hlab.topology.host("hv-a"))
    assert secret not in str(found)
    with registry.connect(connections.spec(hlab, "hv-a")) as hypervisor:
        machine = hypervisor.machine("mill")
        assert {one.name for one in hypervisor.machines()} == {"mill", "forge"}
        assert (machine.name, machine.state, machine.firmware) == ("mill", PowerState.RUNNING, Firmware.UEFI)
        assert machine.autostart
        assert [(disk.name, disk.size, disk.pool) for disk in machine.disks] == [("SCSI 0:0", 192 * MIB, "D:")]
        assert {network.name for network in hypervisor.networks()} == {"production", "isolated"}
    with registry.connect(connections.spec(hlab, "hv-b")) as hypervisor:
        assert hypervisor.machines() == []


def test_a_running_machine_is_read_over_smb_and_goes_on(hlab: Lab, tmp_path: Path) -> None:
    before = hlab.journal("mill")
    with registry.connect(connections.spec(hlab, "hv-a")) as hypervisor:
        with hypervisor.read_disks("mill") as endpoints:
            (endpoint,) = endpoints.values()
            image = tmp_path / "image"
            subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "raw", endpoint.uri, image], check=True)
        assert hypervisor.machine("mill").snapshots == ()
    with image.open("rb") as stream:
        assert stream.read(512)[-2:] == b"\x55\xaa"
    assert image.stat().st_size == 192 * MIB
    wait_until("it ticks", lambda: len(hlab.journal("mill")) > len(before) + 1, deadline=60, interval=0.5)
    assert hlab.journal("mill")[: len(before)] == before
    assert hlab.ask_hyperv("hv-a", "status")["shells"] == []


def test_a_host_process_that_ends_comes_back_beside_its_machines(hlab: Lab) -> None:
    before = hlab.journal("mill")
    for name in ("drover_lab.hyperv /srv", "smbd --foreground"):
        hlab.run("hv-a", ["pkill", "-KILL", "--oldest", "--full", name])
    wait_until("it answers", lambda: lab_host.answers(hlab.topology, hlab.topology.host("hv-a")), deadline=60)
    with registry.connect(connections.spec(hlab, "hv-a")) as hypervisor:
        assert hypervisor.power_state("mill") is PowerState.RUNNING
    assert hlab.journal("mill")[: len(before)] == before


def test_a_host_that_loses_power_comes_back_with_its_machine(hlab: Lab) -> None:
    before = hlab.journal("mill")
    hlab.stop_host("hv-a")
    assert hlab.states()["hv-a"] == {}
    hlab.start_host("hv-a")
    hlab.wait_healthy("mill")
    assert len(hlab.journal("mill")) >= len(before) - 1


def test_reset_brings_it_back_and_clears_what_others_made(hlab: Lab) -> None:
    drive = lab_host.drives(hlab.topology, hlab.topology.host("hv-b")) / "D"
    (drive / "stray").mkdir()
    (drive / "stray" / "file").write_text("x")
    hlab.reset_all()
    assert not (drive / "stray").exists()
    assert hlab.states()["hv-a"] == {"mill": "running", "forge": "running"}
    # Its clock goes on, its memory does not.
    assert hlab.journal("mill")[0][0] == 1
    assert os.listdir(drive) == ["Hyper-V"]

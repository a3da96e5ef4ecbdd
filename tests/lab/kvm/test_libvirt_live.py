"""Live moves by libvirt itself: they outlive the caller, can be taken back, and the guest hardly notices."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest
from kvm_hosts import FOLDER, ODD_NAME, digest, settings_for, spec_of

from drover.errors import OperatorNeededError
from drover.hypervisors.libvirt.hypervisor import LibvirtHypervisor
from drover.hypervisors.port import LiveMover, LiveState, LiveStatus
from drover.model import PowerState, VirtualMachine
from drover_lab.lab import Lab

pytestmark = pytest.mark.lab
Make = Callable[..., VirtualMachine]
# Slow enough to look at the move while it runs.
SLOW = 4 << 20
DEADLINE = 300.0

_START_AND_DIE = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from kvm_hosts import settings_for, spec_of
from drover.hypervisors.libvirt.hypervisor import LibvirtHypervisor
from drover_lab.lab import Lab
lab = Lab.load(sys.argv[2])
with LibvirtHypervisor(spec_of(lab, "kvm-a")) as a, LibvirtHypervisor(spec_of(lab, "kvm-b")) as b:
    a.start_live(sys.argv[3], b, settings_for(a.machine(sys.argv[3])), bandwidth=int(sys.argv[4]), paused=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def wait(a: LibvirtHypervisor, b: LibvirtHypervisor, name: str) -> LiveStatus:
    until = time.monotonic() + DEADLINE
    while (status := a.live_status(name, b)).state is LiveState.RUNNING and time.monotonic() < until:
        assert status.done <= status.total
        time.sleep(0.5)
    return status


def test_move_outlives_a_killed_caller(kvm_lab: Lab, a: LibvirtHypervisor, b: LibvirtHypervisor, make: Make) -> None:
    machine = make(uefi=True)
    settings = settings_for(machine)
    assert isinstance(a, LiveMover)
    with pytest.raises(OperatorNeededError, match="is off, so it cannot be moved live"):
        a.start_live(ODD_NAME, b, settings, bandwidth=None, paused=True)
    a.power_on(ODD_NAME)
    assert a.live_status(ODD_NAME, b).state is LiveState.ABSENT
    argv = [sys.executable, "-c", _START_AND_DIE, os.path.dirname(__file__), kvm_lab.name, ODD_NAME, str(SLOW)]
    assert subprocess.run(argv, check=False).returncode == -signal.SIGKILL

    a.start_live(ODD_NAME, b, settings, bandwidth=SLOW, paused=True)  # finds the move that runs
    done = wait(a, b, ODD_NAME)
    assert done.state is LiveState.DONE, done.message
    assert done.done >= 32 << 20
    assert done.downtime is not None
    a.start_live(ODD_NAME, b, settings, bandwidth=SLOW, paused=True)  # finds the move that ended

    assert (a.power_state(ODD_NAME), b.power_state(ODD_NAME)) == (PowerState.OFF, PowerState.PAUSED)
    assert a.machine(ODD_NAME).disks[0].path == machine.disks[0].path, "the source stays defined, with its disks"
    arrived = b.machine(ODD_NAME)
    assert arrived.ownership == settings.owner
    assert not arrived.autostart
    for there, here in zip(arrived.disks, machine.disks, strict=True):
        assert there.path.startswith(f"{FOLDER}/it%27s")
        assert digest(b, there.path, there.format.value) == digest(a, here.path, here.format.value)
    b.resume(ODD_NAME)
    assert b.power_state(ODD_NAME) is PowerState.RUNNING


def test_cancelled_move_leaves_the_source_running(a: LibvirtHypervisor, b: LibvirtHypervisor, make: Make) -> None:
    machine = make()
    a.power_on(ODD_NAME)
    a.cancel_live(ODD_NAME)  # none runs: nothing happens
    a.start_live(ODD_NAME, b, settings_for(machine), bandwidth=SLOW, paused=False)
    a.cancel_live(ODD_NAME)
    status = wait(a, b, ODD_NAME)
    assert status.state in (LiveState.FAILED, LiveState.ABSENT)
    assert (a.power_state(ODD_NAME), b.power_state(ODD_NAME)) == (PowerState.RUNNING, PowerState.OFF)
    b.remove(ODD_NAME, settings_for(machine).owner)
    assert b.machines() == []


def test_web_keeps_ticking_while_it_moves(lab: Lab) -> None:
    with (
        LibvirtHypervisor(spec_of(lab, "kvm-a")) as a,
        LibvirtHypervisor(spec_of(lab, "kvm-b")) as b,
    ):
        lab.reset("web")
        settings = settings_for(a.machine("web"))
        try:
            began = lab.journal("web")[-1][0]
            a.start_live("web", b, settings, bandwidth=None, paused=False)
            done = wait(a, b, "web")
            assert done.state is LiveState.DONE, done.message
            assert (a.power_state("web"), b.power_state("web")) == (PowerState.OFF, PowerState.RUNNING)
            lab.wait_healthy("web")
            ticks = lab.journal("web")
            assert ticks[-1][0] > began
            assert [number for number, _ in ticks] == list(range(ticks[0][0], ticks[-1][0] + 1)), "no tick is missing"
            assert done.downtime is not None
            moments = [moment for number, moment in ticks if number >= began]
            gap = max(later - earlier for earlier, later in zip(moments, moments[1:], strict=False))
            assert gap <= done.downtime + 3, "the guest stood still for longer than was reported"
            arrived = b.machine("web").ownership
            assert arrived is not None
            assert (arrived.role, arrived.run) == ("started", settings.owner.run)
            b.power_off("web")
            with pytest.raises(OperatorNeededError, match="was not made by this move, so it is not removed"):
                b.remove("web", settings.owner)  # It ran in production: what it wrote there is nowhere else.
        finally:
            a.cancel_live("web")
            if b.find("web") is not None:
                b.power_off("web")
                b.tag("web", settings.owner)  # What is here is this test's to throw away.
                b.remove("web", settings.owner)
            lab.reset("web")

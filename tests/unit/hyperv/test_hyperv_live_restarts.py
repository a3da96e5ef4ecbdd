"""Either host restarts while a machine moves live between them, through the port: a sentence, the machine in one place
with all that its guest wrote, and a next try that goes on from there."""

from collections.abc import Iterator
from pathlib import Path

import counting
import pytest
from answers import foreign
from hyperv_peer import Peer, World
from two_hosts import NAMES, Two, run_machine, running

from drover.errors import OperatorNeededError, RetryableError
from drover.hypervisors.hyperv.hypervisor import HypervHypervisor
from drover.hypervisors.port import LiveState, LiveStatus, TargetSettings
from drover.model import Ownership, PowerState
from drover_lab.hyperv.world import qemu
from drover_lab.hyperv.world.store import Host
from drover_lab.hyperv.world.store import world as state_of
from drover_lab.process import wait_until

SLOW = 1 << 16
OWNER = Ownership("wave", "run", "web", foreign().uuid, "target")
SETTINGS = TargetSettings({"production": "production"}, {"D:": "D:"}, OWNER)
LOST = (
    "Virtual machine migration for 'web' failed. The connection to 'HV-R' was lost: An existing connection was "
    "forcibly closed by the remote host. (0x80072746)"
)
UNKNOWN = "127.0.0.1 knows nothing of a move of it, as after a restart of that host"
AWAY = (
    r"^WinRM is not running on 127\.0\.0\.1: nothing listens at port \d+\. Start it there with 'winrm quickconfig', or "
    r"correct host and port in the connection\.$"
)


@pytest.fixture(scope="module")
def hosts(world: World) -> Iterator[Two]:
    with running(world) as two:
        yield two


@pytest.fixture
def two(hosts: Two) -> Iterator[Two]:
    """Machine `web` runs at the first one, and counts. In the end it is in one list, and has one process at most."""
    for peer in (hosts.here, hosts.there):
        peer.ask("boot")  # whatever the test before left
    run_machine(hosts, "web")
    with hosts.open() as here:
        here.power_off("web")
        counting.install(disk(hosts, 0, here))
        here.power_on("web")
        counting.counts(disk(hosts, 0, here))
    yield hosts
    with state_of(hosts.folder) as found:
        listed = [name for name in NAMES for one in found["hosts"][name]["machines"].values() if one["name"] == "web"]
    assert len(listed) == 1
    assert processes(hosts, 0) + processes(hosts, 1) <= 1
    assert (hosts.here.shells, hosts.there.shells) == ([], [])
    hosts.empty()


def disk(two: Two, place: int, hypervisor: HypervHypervisor) -> Path:
    """The file of the machine's one disk at the first host, 0, or the second."""
    path = hypervisor.machine("web").disks[0].path
    return two.folder / NAMES[place] / "drives" / path[0] / path[3:].replace("\\", "/")


def processes(two: Two, place: int) -> int:
    host = Host(two.folder, NAMES[place], {}, ("", ""))
    return sum(qemu.record(host, {"id": path.stem}) is not None for path in host.running.glob("*.json"))


def files(two: Two, place: int) -> list[str]:
    """All that lies on the host's drives of a machine's disks."""
    return sorted(path.name for path in (two.folder / NAMES[place] / "drives").rglob("*.vhdx*"))


def begin(here: HypervHypervisor, there: HypervHypervisor) -> None:
    here.start_live("web", there, SETTINGS, bandwidth=None, paused=False)


def ended(here: HypervHypervisor, there: HypervHypervisor) -> LiveStatus:
    seen: list[LiveStatus] = []

    def is_over() -> bool:
        seen.append(here.live_status("web", there))
        return seen[-1].state is not LiveState.RUNNING

    wait_until("the move ends", is_over, deadline=120)
    return seen[-1]


def under_way(two: Two, here: HypervHypervisor, there: HypervHypervisor) -> int:
    """The disks go, and the guest goes on. :returns: how far it has counted."""
    two.set("HV-L", live_speed=SLOW)
    begin(here, there)
    vhdx = disk(two, 0, here)
    wait_until("the target has begun", lambda: processes(two, 1) == 1, deadline=60, interval=0.05)
    assert here.live_status("web", there).state is LiveState.RUNNING
    return counting.counts(vhdx.with_name(f"{vhdx.name}.moving"), "raw")


def cut(two: Two, peer: Peer) -> None:
    """The host has no power, until it is booted."""
    peer.ask("reboot", seconds=None)
    two.set("HV-L", live_speed=0, live_hold="")


def moves_whole(two: Two, here: HypervHypervisor, there: HypervHypervisor, seen: int) -> None:
    begin(here, there)
    assert ended(here, there).state is LiveState.DONE
    assert here.find("web") is None
    assert there.machine("web").state is PowerState.RUNNING
    assert counting.counts(disk(two, 1, there)) > seen
    assert (processes(two, 0), processes(two, 1), files(two, 0)) == (0, 1, [])


def test_the_target_restarts_and_the_next_try_takes_away_what_was_half_made(two: Two) -> None:
    with two.open() as here, two.target() as there:
        seen = under_way(two, here, there)
        cut(two, two.there)
        found = ended(here, there)
        assert (found.state, found.message) == (LiveState.FAILED, LOST)
        assert here.machine("web").state is PowerState.RUNNING
        assert counting.counts(disk(two, 0, here)) > seen
        with pytest.raises(RetryableError, match=AWAY):
            begin(here, there)
        two.there.ask("boot")
        assert (there.machines(), processes(two, 1)) == ([], 0)
        assert len(files(two, 1)) == 1  # half a disk, which nobody was there to take away
        moves_whole(two, here, there, seen)


def test_after_a_rollback_what_was_half_made_is_told(two: Two) -> None:
    with two.open() as here, two.target() as there:
        before = here.machine("web").native
        seen = under_way(two, here, there)
        cut(two, two.there)
        assert ended(here, there).state is LiveState.FAILED
        here.cancel_live("web")  # as a rollback does, which asks the source alone
        assert here.machine("web").native == before
        two.there.ask("boot")
        with pytest.raises(OperatorNeededError) as caught:
            begin(here, there)
        (left,) = (two.folder / "HV-R").rglob("*.vhdx")
        assert str(caught.value) == (
            rf"The file D:\Hyper-V\Virtual Hard Disks\{left.parent.name}\{left.name} on 127.0.0.1 is there already, "
            "and this move of machine 'web' did not make it. If a live move of it failed there before, it is what "
            "that one left: remove it."
        )
        assert here.machine("web").native == before
        left.unlink()
        moves_whole(two, here, there, seen)


def test_a_file_in_the_way_is_nobody_s_to_remove(two: Two) -> None:
    with two.open() as here, two.target() as there:
        promised = there.translated(here.machine("web"), SETTINGS)
        before = here.machine("web")
        path = promised.disks[0].path
        file = two.folder / "HV-R" / "drives" / path[0] / path[3:].replace("\\", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("somebody's")
        for _ in range(2):
            with pytest.raises(OperatorNeededError, match="is there already, and this move of machine 'web' did not"):
                begin(here, there)
        assert (here.machine("web"), file.read_text()) == (before, "somebody's")


@pytest.mark.parametrize("starts", [False, True])
def test_the_source_restarts(two: Two, starts: bool) -> None:
    with two.open() as here, two.target() as there:
        here.set_autostart("web", starts)
        seen = under_way(two, here, there)
        cut(two, two.here)
        with pytest.raises(RetryableError, match=AWAY):
            here.live_status("web", there)
        # The target sees that nobody comes.
        assert (there.machines(), processes(two, 1), files(two, 1)) == ([], 0, [])
        two.here.ask("boot")
        found = here.live_status("web", there)
        assert (found.state, found.message) == (LiveState.ABSENT, UNKNOWN)
        assert here.machine("web").state is (PowerState.RUNNING if starts else PowerState.OFF)
        if not starts:
            assert counting.number(disk(two, 0, here)) >= seen
            with pytest.raises(OperatorNeededError) as caught:
                begin(here, there)
            assert str(caught.value) == (
                "Machine 'web' on 127.0.0.1 is off, so it cannot be moved live. Start it, or give it the strategy "
                "'cold'."
            )
            here.power_on("web")
        moves_whole(two, here, there, seen)


def held_before_the_switch(two: Two, here: HypervHypervisor, there: HypervHypervisor) -> int:
    """All is at the target, and the guest stands still at both. :returns: how far it has counted."""
    two.set("HV-L", live_hold="switch")
    begin(here, there)
    vhdx = disk(two, 0, here)

    def is_there() -> bool:
        found = here.live_status("web", there)
        return found.done == found.total * 99 // 100

    wait_until("all is there", is_there, deadline=120)
    return counting.number(vhdx.with_name(f"{vhdx.name}.moving"), "raw")


def test_the_target_restarts_right_before_the_switch(two: Two) -> None:
    with two.open() as here, two.target() as there:
        seen = held_before_the_switch(two, here, there)
        cut(two, two.there)
        found = ended(here, there)
        assert (found.state, found.message) == (LiveState.FAILED, LOST)
        assert counting.counts(disk(two, 0, here)) > seen
        two.there.ask("boot")
        assert (there.machines(), processes(two, 1)) == ([], 0)
        moves_whole(two, here, there, seen)


def test_the_source_restarts_right_before_the_switch(two: Two) -> None:
    with two.open() as here, two.target() as there:
        here.set_autostart("web", True)
        seen = held_before_the_switch(two, here, there)
        cut(two, two.here)
        assert (there.machines(), processes(two, 1), files(two, 1)) == ([], 0, [])
        two.here.ask("boot")
        assert here.live_status("web", there) == LiveStatus(LiveState.ABSENT, message=UNKNOWN)
        moves_whole(two, here, there, seen)


def held_after_the_switch(two: Two, here: HypervHypervisor, there: HypervHypervisor) -> int:
    two.set("HV-L", live_hold="arrived")
    begin(here, there)
    wait_until("it is there", lambda: here.find("web") is None, deadline=120)
    return counting.number(disk(two, 1, there))


def test_the_source_restarts_right_after_the_switch(two: Two) -> None:
    with two.open() as here, two.target() as there:
        seen = held_after_the_switch(two, here, there)
        cut(two, two.here)
        assert there.machine("web").state is PowerState.RUNNING
        assert counting.counts(disk(two, 1, there)) > seen
        two.here.ask("boot")
        assert here.live_status("web", there).state is LiveState.DONE
        begin(here, there)  # finds it done
        assert (here.machines(), processes(two, 0), processes(two, 1)) == ([], 0, 1)


@pytest.mark.parametrize("starts", [False, True])
def test_the_target_restarts_right_after_the_switch(two: Two, starts: bool) -> None:
    with two.open() as here, two.target() as there:
        here.set_autostart("web", starts)
        seen = held_after_the_switch(two, here, there)
        cut(two, two.there)
        with pytest.raises(RetryableError, match=AWAY):
            here.live_status("web", there)
        two.there.ask("boot")
        assert here.live_status("web", there).state is LiveState.DONE
        assert there.machine("web").state is (PowerState.RUNNING if starts else PowerState.OFF)
        assert counting.number(disk(two, 1, there)) >= seen
        assert (here.machines(), processes(two, 0), processes(two, 1)) == ([], 0, int(starts))

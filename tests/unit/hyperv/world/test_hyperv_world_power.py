"""Either host loses its power while a machine moves between them: it is in one place, with all that its guest wrote."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pairs import THERE, Pair
from worlds import DISK, MIB, Peer, definition

sys.path.insert(0, str(Path(__file__).parents[1]))

import counting  # noqa: E402

from drover_lab.hyperv.world import qemu  # noqa: E402
from drover_lab.process import wait_until  # noqa: E402

RUNNING, TERMINATED, FAILED = 4, 8, 10
SLOW = 1 << 16
LOST = (
    "Virtual machine migration for 'mill' failed. The connection to 'hv-b' was lost: An existing connection was "
    "forcibly closed by the remote host. (0x80072746)"
)


def counting_mill(pair: Pair, *, start: str = "Nothing") -> str:
    """Runs at the first host, and counts."""
    disk = {"path": DISK, "size": 16 * MIB, "controller": "IDE", "number": 0, "location": 0}
    (identity,) = pair.a.script("define", **definition(generation=1, disks=[disk], boot=[], template=""))
    pair.a.script("rename", id=identity, name="mill")
    with pair.a.host.state() as state:
        state["machines"][identity]["start"] = start
    counting.install(pair.a.file())
    pair.a.script("power-on", id=identity)
    counting.counts(pair.a.file())
    return str(identity)


def raw(peer: Peer, path: str = DISK) -> Path:
    """What stands in for a disk while its machine moves."""
    file = peer.file(path)
    return file.with_name(f"{file.name}.moving")


def under_way(pair: Pair, identity: str) -> int:
    """The move runs and its guest writes beside the VHDX. :returns: how far it has counted."""
    pair.set("hv-a", live_speed=SLOW)
    assert pair.asked(identity, start=True) == []
    wait_until("the target has begun", lambda: raw(pair.b, THERE).exists(), deadline=60, interval=0.05)
    return counting.counts(raw(pair.a), "raw")


def held(pair: Pair, identity: str, point: str, reached: Callable[[], bool]) -> None:
    pair.set("hv-a", live_hold=point)
    assert pair.asked(identity, start=True) == []
    wait_until(f"the move is at the point '{point}'", reached, deadline=120, interval=0.05)


def power(pair: Pair, peer: Peer) -> None:
    """Is cut, and comes back."""
    peer.runner.reboot()
    assert list(processes(peer)) == []
    pair.set("hv-a", live_hold="", live_speed=0)
    peer.runner.boot()


def processes(peer: Peer) -> list[str]:
    """The machines of which there is a process."""
    found = [path.stem for path in peer.host.running.glob("*.json")]
    return [one for one in found if qemu.record(peer.host, {"id": one}) is not None]


def nothing_at(peer: Peer) -> None:
    """Once it has seen that nobody comes."""
    wait_until("nothing is left", lambda: processes(peer) == [] and files(peer) == [], deadline=30, interval=0.05)
    assert peer.machines() == []


def files(peer: Peer) -> list[str]:
    return sorted(path.name for path in peer.host.drives.rglob("*.vhdx*"))


def test_the_source_loses_its_power_while_the_disks_go(pair: Pair) -> None:
    identity = counting_mill(pair)
    seen = under_way(pair, identity)
    power(pair, pair.a)
    assert pair.a.script("state", id=identity) == ["Off"]
    assert counting.number(pair.a.file()) >= seen
    assert files(pair.a) == [pair.a.file().name]
    nothing_at(pair.b)
    # It knows nothing of before; the other host, whose service ran on, tells of it.
    assert pair.a.script("live-jobs") == []
    assert [job["state"] for job in pair.b.script("live-jobs")] == [FAILED]

    pair.a.script("power-on", id=identity)
    assert pair.asked(identity, start=True) == []
    assert pair.ended()["error"] == ""
    assert counting.counts(pair.b.file(THERE)) > seen


def test_a_machine_that_starts_with_its_host_does_so_upon_what_it_wrote(pair: Pair) -> None:
    identity = counting_mill(pair, start="StartIfRunning")
    seen = under_way(pair, identity)
    power(pair, pair.a)
    assert pair.a.script("state", id=identity) == ["Running"]
    assert counting.counts(pair.a.file()) > seen
    nothing_at(pair.b)


def test_the_target_loses_its_power_while_the_disks_go(pair: Pair) -> None:
    identity = counting_mill(pair)
    seen = under_way(pair, identity)
    pair.b.runner.reboot()
    assert (pair.ended()["state"], pair.job()["error"]) == (FAILED, LOST)
    assert "The RPC server is unavailable" in pair.a.refuses(
        "live", id=identity, host="hv-b", folder="D:\\moved", adapters=[], start=True, patience=20,
        disks=[{"source": DISK, "destination": THERE}],
    )["message"]  # fmt: skip
    power(pair, pair.b)
    assert counting.counts(pair.a.file()) > seen
    assert files(pair.a) == [pair.a.file().name]
    assert (pair.b.machines(), processes(pair.b), pair.b.script("live-jobs")) == ([], [], [])
    # Nobody was there who could have taken it away, and Hyper-V overwrites no file.
    assert files(pair.b) == [pair.b.file(THERE).name]
    assert pair.asked(identity, start=True) == []
    assert "failed at migration destination 'hv-b'. Failed to create" in pair.ended()["error"]
    assert pair.ended()["error"].endswith("The file exists. (0x80070050)")
    assert files(pair.b) == [pair.b.file(THERE).name]

    pair.b.file(THERE).unlink()
    assert pair.asked(identity, start=True) == []
    assert pair.ended()["error"] == ""
    assert counting.counts(pair.b.file(THERE)) > seen
    assert processes(pair.a) == []


def at_the_switch(pair: Pair) -> bool:
    return bool(pair.job()["percent"] == 99)


@pytest.mark.parametrize("cut", ["hv-a", "hv-b"])
def test_before_the_switch_the_source_has_it(pair: Pair, cut: str) -> None:
    """All is at the target, and at neither host the guest runs."""
    identity = counting_mill(pair)
    held(pair, identity, "switch", lambda: at_the_switch(pair))
    seen = counting.number(raw(pair.a), "raw")
    peer = pair.a if cut == "hv-a" else pair.b
    power(pair, peer)
    if peer is pair.a:
        nothing_at(pair.b)
        assert pair.a.script("state", id=identity) == ["Off"]
        assert counting.number(pair.a.file()) == seen
    else:
        assert pair.ended()["error"] == LOST
        assert pair.a.script("state", id=identity) == ["Running"]
        assert counting.counts(pair.a.file()) > seen
        assert processes(pair.b) == []
    assert files(pair.a) == [pair.a.file().name]
    assert pair.b.machines() == []


@pytest.mark.parametrize("cut", ["hv-a", "hv-b"])
def test_after_the_switch_the_target_has_it(pair: Pair, cut: str) -> None:
    identity = counting_mill(pair)
    held(pair, identity, "arrived", lambda: pair.a.machines() == [])
    seen = counting.number(pair.b.file(THERE))
    peer = pair.a if cut == "hv-a" else pair.b
    power(pair, peer)
    if peer is pair.a:
        assert counting.counts(pair.b.file(THERE)) > seen
        assert pair.b.script("state", id=identity) == ["Running"]
    else:
        assert pair.ended()["error"] == ""
        assert pair.b.script("state", id=identity) == ["Off"]
        assert counting.number(pair.b.file(THERE)) == seen
    assert (pair.a.machines(), processes(pair.a)) == ([], [])


def test_a_new_process_of_the_source_lets_the_machine_run_on(pair: Pair) -> None:
    identity = counting_mill(pair)
    seen = under_way(pair, identity)
    pair.a.runner.boot()
    assert pair.a.script("state", id=identity) == ["Running"]
    assert counting.counts(pair.a.file()) > seen
    assert files(pair.a) == [pair.a.file().name]
    assert pair.a.script("live-jobs") == []


def test_a_machine_whose_own_process_ends_on_the_way_keeps_what_it_wrote(pair: Pair) -> None:
    identity = counting_mill(pair)
    seen = under_way(pair, identity)
    qemu.kill(pair.a.host, {"id": identity})
    assert pair.ended()["state"] == FAILED
    assert pair.a.script("state", id=identity) == ["Off"]
    assert counting.number(pair.a.file()) >= seen
    assert files(pair.a) == [pair.a.file().name]
    nothing_at(pair.b)


def test_a_move_that_is_cancelled_keeps_what_the_guest_wrote(pair: Pair) -> None:
    identity = counting_mill(pair)
    seen = under_way(pair, identity)
    assert pair.a.script("live-cancel", id=identity) == [4096]
    assert pair.ended()["state"] == TERMINATED
    assert counting.counts(pair.a.file()) > seen
    nothing_at(pair.b)

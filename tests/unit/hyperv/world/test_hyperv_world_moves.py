"""Move-VM between two simulated hosts: real bytes, a running process that moves, and what stands against it."""

from typing import Any

import pytest
from pairs import THERE, Pair, has_bytes, mill
from worlds import DISK

from drover_lab.hyperv.world import qemu
from drover_lab.hyperv.world.answers import refused as refused_by_host
from drover_lab.hyperv.world.store import world
from drover_lab.process import wait_until


@pytest.mark.parametrize("running", [True, False])
def test_a_machine_is_moved_with_its_bytes_and_its_process(pair: Pair, running: bool) -> None:
    identity = mill(pair, running=running)
    before = pair.a.machine()
    assert pair.asked(identity, start=True) == []
    assert pair.ended()["error"] == ""
    assert pair.job()["percent"] == 100

    assert pair.a.script("machines") == []
    (found,) = pair.b.script("inventory", ids=[identity])
    assert (found["id"], found["state"]) == (identity, "Running" if running else "Off")
    assert [disk["path"] for disk in found["disks"]] == [THERE]
    assert (found["disks"][0]["problem"], found["notes"]) == (None, before["notes"])
    assert not pair.a.file().exists()
    assert has_bytes(pair.b.file(THERE))
    assert [path.name for path in pair.folder.rglob("*.moving")] == []
    assert qemu.record(pair.a.host, before) is None
    if running:
        assert qemu.record(pair.b.host, before) is not None
        (snapshot,) = pair.b.script("checkpoint-make", id=identity, name="drover read")
        assert snapshot
        assert pair.b.script("checkpoint-remove", id=identity, name="drover read") == [THERE]


def test_a_machine_that_leaves_while_it_is_looked_at_is_not_listed(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    identity = mill(pair, running=False)
    asked = pair.a.runner._known["Get-VMKeyProtector"]

    def leaves(call: Any) -> None:
        with world(pair.folder) as found:
            found["hosts"]["hv-a"]["machines"].clear()
        asked(call)

    def breaks(call: Any) -> None:
        raise refused_by_host("it broke")

    monkeypatch.setitem(pair.a.runner._known, "Get-VMKeyProtector", breaks)
    assert pair.a.script("inventory", ids=[identity])[0]["problem"] == "it broke"
    monkeypatch.setitem(pair.a.runner._known, "Get-VMKeyProtector", leaves)
    assert pair.a.script("inventory", ids=[identity]) == []


def test_a_machine_that_moved_goes_back_the_same_way(pair: Pair) -> None:
    identity = mill(pair)
    pair.asked(identity, start=True)
    pair.ended()
    (back,) = pair.b.script(
        "live", id=identity, host="hv-a", folder="D:\\back", disks=[{"source": THERE, "destination": DISK}],
        adapters=[], start=True, patience=20,
    )  # fmt: skip
    assert back["against"] == []
    wait_until("it is back", lambda: pair.b.script("machines") == [], deadline=180, interval=0.1)
    assert pair.a.script("state", id=identity) == ["Running"]
    assert has_bytes(pair.a.file())


def test_what_stands_against_a_move_is_told_and_nothing_moves(pair: Pair) -> None:
    identity = mill(pair, running=False)
    pair.set("hv-b", switches={"lan": "External"})
    missed = {"id": "33012", "message": "Could not find Ethernet switch 'production'."}
    assert pair.asked(identity, start=True, adapters=[]) == [missed]
    assert pair.asked(identity, start=False, switch="lan") == []
    pair.set("hv-b", objections=[[4711, "The sky is grey."]])
    assert pair.asked(identity, start=True, switch="lan") == [{"id": "4711", "message": "The sky is grey."}]
    assert pair.a.script("live-jobs") == []
    assert len(pair.a.script("machines")) == 1


def test_a_machine_arrives_on_the_switch_that_it_is_mapped_to(pair: Pair) -> None:
    identity = mill(pair, running=False)
    pair.set("hv-b", switches={"lan": "External"})
    assert pair.asked(identity, start=True, switch="lan") == []
    pair.ended()
    assert pair.b.script("inventory", ids=[identity])[0]["adapters"][0]["switch"] == "lan"


def test_a_move_that_is_cancelled_leaves_the_machine_as_it_was(pair: Pair) -> None:
    identity = mill(pair)
    pair.set("hv-a", live_speed=1 << 16)
    assert pair.asked(identity, start=True) == []
    assert pair.job()["state"] == 4
    assert pair.a.script("live-cancel", id=identity) == [4096]
    assert pair.ended()["state"] == 8
    stays(pair, identity)


def test_a_host_that_has_no_room_refuses_and_the_machine_stays(pair: Pair) -> None:
    identity = mill(pair)
    pair.set("hv-b", memory=1)
    assert pair.asked(identity, start=True) == []
    found = pair.ended()
    assert found["state"] == 10
    assert "failed at migration destination 'hv-b'. Not enough memory" in found["error"]
    stays(pair, identity)


def stays(pair: Pair, identity: str) -> None:
    assert pair.a.script("state", id=identity) == ["Running"]
    assert pair.b.script("machines") == []
    assert [path for path in (pair.folder / "hv-b").rglob("*.vhdx*")] == []
    assert [path.name for path in pair.folder.rglob("*.moving")] == []
    pair.a.script("power-off", id=identity)
    assert has_bytes(pair.a.file())


def refused(pair: Pair, identity: str, **changes: Any) -> str:
    parameters = {"id": identity, "host": "hv-b", "folder": "D:\\moved", "adapters": [], "start": True, "patience": 20,
                  "disks": [{"source": DISK, "destination": THERE}], **changes}  # fmt: skip
    return str(pair.a.refuses("live", **parameters)["message"])


def test_what_a_host_refuses_at_once(pair: Pair) -> None:
    identity = mill(pair, running=False)
    assert "the computer cannot be found" in refused(pair, identity, host="hv-c")
    pair.set("hv-a", live_slots=0)
    assert "'hv-a' has reached the limit of simultaneous migrations" in refused(pair, identity)
    pair.set("hv-b", live=False)
    assert "it is not enabled on 'hv-b'" in refused(pair, identity)
    pair.set("hv-a", delegation=False)
    assert "No credentials are available in the security package (0x8009030E)" in refused(pair, identity)

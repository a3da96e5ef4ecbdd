"""Removing a source for good at a simulated Hyper-V host: what is its alone goes, and words where it may not."""

from dataclasses import replace
from typing import Any, cast

import pytest
from worlds import DISK, MIB, Direct, Peer, definition

from drover.errors import DroverError, OperatorNeededError
from drover.hypervisors.hyperv import inventory, retire, scripts, tags
from drover.hypervisors.hyperv.hypervisor import HypervHypervisor
from drover.hypervisors.hyperv.session import Session
from drover.hypervisors.port import Retired, Retiring
from drover.model import Ownership

OWNER = Ownership("wave", "run", "old", "0a1b2c3d-0000-4000-8000-000000000001", "retiring")
FOLDER = "D:\\Hyper-V\\Virtual Hard Disks"
SECOND = f"{FOLDER}\\second.vhdx"
OTHER = f"{FOLDER}\\other.vhdx"


@pytest.fixture
def session(hv: Peer) -> Session:
    """A machine that a committed move left behind, tagged for its decommission."""
    disks = [disk(DISK, 0), disk(SECOND, 1)]
    made(hv, "old", definition(disks=disks, notes=tags.written("mind it", OWNER)))
    return cast(Session, Direct(hv))


def disk(path: str, location: int) -> dict[str, Any]:
    return {"path": path, "size": 16 * MIB, "controller": "SCSI", "number": 0, "location": location}


def made(hv: Peer, name: str, parameters: dict[str, Any]) -> str:
    (identity,) = hv.script("define", **{**parameters, "workingName": f"drover {name}"})
    hv.script("rename", id=identity, name=name)
    return str(identity)


def other(hv: Peer, name: str) -> str:
    return made(hv, name, definition(disks=[disk(OTHER, 0)], boot=[OTHER], adapters=[]))


def change(hv: Peer, name: str, place: int, **values: Any) -> None:
    """As somebody at the host would, and no script of ours."""
    with hv.host.state() as state:
        (machine,) = [one for one in state["machines"].values() if one["name"] == name]
        machine["disks"][place].update(values)


def test_the_machine_goes_with_its_disks(hv: Peer, session: Session) -> None:
    assert issubclass(HypervHypervisor, Retiring)
    other(hv, "other")
    assert retire.retire(session, "old", OWNER) == Retired((DISK, SECOND))
    assert [one["name"] for one in hv.script("machines")] == ["other"]
    assert [hv.file(path).exists() for path in (DISK, SECOND, OTHER)] == [False, False, True]
    assert retire.retire(session, "old", OWNER) == Retired()


def test_another_tag_or_a_running_machine_stops_it(hv: Peer, session: Session) -> None:
    for owner in (replace(OWNER, run="another"), replace(OWNER, role="migrated")):
        with pytest.raises(OperatorNeededError, match=r"'old' on hv-a .* does not carry the tag of this decommission"):
            retire.retire(session, "old", owner)
    hv.script("power-on", id=hv.machine()["id"])
    with pytest.raises(OperatorNeededError, match=r"'old' on hv-a is running"):
        retire.retire(session, "old", OWNER)
    assert inventory.machine(session, "old").ownership == OWNER
    assert hv.file().exists()


def test_a_machine_that_has_one_of_its_disks_stops_it(hv: Peer, session: Session) -> None:
    """Windows does not care for case."""
    other(hv, "sharer")
    change(hv, "sharer", 0, path=SECOND.upper().replace("D:", "d:", 1))
    with pytest.raises(OperatorNeededError, match=r"'sharer' on hv-a uses D:\\.*second\.vhdx, a disk of machine 'old'"):
        retire.retire(session, "old", OWNER)
    assert hv.file(SECOND).exists()


@pytest.mark.parametrize("current", [True, False])
def test_a_machine_whose_disks_lie_upon_one_stops_it(hv: Peer, session: Session, current: bool) -> None:
    """Two files up, as with a checkpoint of a checkpoint; and where nothing but a checkpoint still needs it."""
    sharer = other(hv, "sharer")
    change(hv, "sharer", 0, path=DISK)
    hv.script("checkpoint-make", id=sharer, name="one")
    if current:
        hv.script("checkpoint-make", id=sharer, name="two")
    else:
        change(hv, "sharer", 0, path=OTHER)
    with pytest.raises(OperatorNeededError, match=r"'sharer' on hv-a uses D:\\.*, a disk of machine 'old'"):
        retire.retire(session, "old", OWNER)
    assert hv.file().exists()


def test_what_is_not_its_alone_stays_and_a_killed_one_is_repeated(
    hv: Peer, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed when a disk was gone: the machine is still there, and says whose it was."""
    change(hv, "old", 1, shared=True)
    real = scripts.run

    def killed(session: Session, script: str, /, **parameters: Any) -> list[Any]:
        if script != "remove":
            return real(session, script, **parameters)
        hv.file(parameters["disks"][0]).unlink()
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(scripts, "run", killed)
        with pytest.raises(KeyboardInterrupt):
            retire.retire(session, "old", OWNER)
    assert inventory.machine(session, "old").ownership == OWNER, "the definition goes last"
    assert retire.retire(session, "old", OWNER) == Retired((DISK,), (SECOND,))
    assert hv.script("machines") == []
    assert hv.file(SECOND).exists()


def test_checkpoints_of_others_stop_it_and_ours_do_not(hv: Peer, session: Session) -> None:
    identity = hv.machine()["id"]
    hv.script("checkpoint-make", id=identity, name="before update")
    with pytest.raises(OperatorNeededError, match=r"has snapshots \(before update\), which its backup does not hold"):
        retire.retire(session, "old", OWNER)
    hv.script("checkpoint-remove", id=identity, name="before update")
    hv.script("checkpoint-make", id=identity, name="drover read")
    assert retire.retire(session, "old", OWNER) == Retired((DISK, SECOND))
    assert hv.script("machines") == []


def test_a_machine_whose_disks_nobody_can_tell_stops_it(hv: Peer, session: Session) -> None:
    other(hv, "lame")
    hv.file(OTHER).unlink()
    said = r"Nobody can tell whether machine 'lame' on hv-a uses a disk of machine 'old', .* was not found\."
    with pytest.raises(DroverError, match=said):
        retire.retire(session, "old", OWNER)
    assert hv.file().exists()


def test_a_set_of_disks_is_nobody_s_alone_even_where_it_cannot_be_read(hv: Peer, session: Session) -> None:
    found = inventory.machine(session, "old").disks[0]
    assert retire._goes(found)
    assert not retire._goes(replace(found, path="D:\\x\\Shared.VHDS"))


def test_a_volume_that_is_away_is_no_disk_that_was_removed(hv: Peer, session: Session) -> None:
    folder = hv.file().parent
    away = folder.with_name("away")
    folder.rename(away)
    said = r"whether disks of machine 'old' on hv-a lie in D:\\Hyper-V\\Virtual Hard Disks, which cannot be reached"
    with pytest.raises(OperatorNeededError, match=said):
        retire.retire(session, "old", OWNER)
    away.rename(folder)
    assert retire.retire(session, "old", OWNER) == Retired((DISK, SECOND))

"""A machine's disks over a real SMB server, and the checkpoints around reading and trying."""

import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from answers import DISK, GUID, ID, Told, answer
from samba import Samba

from drover.errors import CorruptionError, OperatorNeededError, RetryableError
from drover.hypervisors.hyperv import checkpoints, disks, inventory, tags, trial
from drover.model import Ownership, VirtualMachine

MIB = 1 << 20
OWNER = Ownership("wave", "run", "web", GUID.lower(), "target")
ON_SMB = DISK | {"path": "D:\\vms\\web.vhdx", "size": str(64 * MIB)}


@pytest.fixture(scope="module")
def samba(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Samba]:
    started = Samba(tmp_path_factory.mktemp("samba"))
    image = started.volume / "vms" / "web.vhdx"
    image.parent.mkdir()
    options = "subformat=fixed,block_state_zero=off"
    subprocess.run(["qemu-img", "create", "-q", "-f", "vhdx", "-o", options, str(image), str(64 * MIB)], check=True)
    try:
        yield started
    finally:
        started.stop()


def told(samba: Samba | None = None, **changes: Any) -> Any:
    """A session of a host with this machine."""
    session: Any = Told(inventory=[answer(**{"disks": [ON_SMB], **changes})], state=[changes.get("state", "Running")])
    if samba is not None:
        session.spec = samba.spec()
    return session


def web(session: Any) -> VirtualMachine:
    return inventory.machine(session, "web")


def scripts_of(session: Any) -> list[str]:
    return [name for name, _ in session.asked if name.startswith(("checkpoint", "trial", "power"))]


def test_disks_of_a_machine_that_is_off_are_written_and_read(samba: Samba) -> None:
    session = told(samba, state="Off", notes=tags.text(OWNER))
    with disks.write_disks(session, web(session), OWNER) as endpoints:
        (endpoint,) = endpoints.values()
        assert not endpoint.read_only
        subprocess.run(["qemu-io", "-f", "raw", "-c", "write -P 7 1M 2M", "-c", "flush", endpoint.uri], check=True)
    with disks.read_disks(session, web(session)) as endpoints:
        endpoint = endpoints["SCSI 0:0"]
        assert (endpoint.size, endpoint.read_only) == (64 * MIB, True)
        assert endpoint.label == "machine web, disk SCSI 0:0 on hv-a, over SMB"
        assert endpoint.version
        done = subprocess.run(["qemu-io", "-r", "-f", "raw", "-c", "read -P 7 1M 2M", endpoint.uri], check=True)
        assert done.returncode == 0
    assert scripts_of(session) == []


def told_version(endpoints: Any) -> None:
    assert endpoints["SCSI 0:0"].version == "checkpoint 7"
    raise ZeroDivisionError


def test_a_machine_that_runs_is_frozen_and_let_go_also_after_an_error(samba: Samba) -> None:
    session = told(samba)
    session.answers |= {"checkpoint-make": ["7"], "checkpoint-remove": ["D:\\vms\\web.vhdx"]}
    with pytest.raises(ZeroDivisionError), disks.read_disks(session, web(session)) as endpoints:
        told_version(endpoints)
    assert scripts_of(session) == ["checkpoint-make", "checkpoint-remove"]
    assert session.given("checkpoint-remove") == [{"id": ID, "name": "drover read"}]


def test_a_checkpoint_that_stays_hides_no_error_and_is_told_where_there_was_none(samba: Samba) -> None:
    session = told(samba)
    gone = RetryableError("The connection to hv-a broke.", remedy="Try again when the host answers.")
    session.answers |= {"checkpoint-make": ["7"], "checkpoint-remove": raising(gone)}
    with pytest.raises(CorruptionError), disks.read_disks(session, web(session)):
        raise CorruptionError("Other bytes arrived.", remedy="Find out why.")
    with pytest.raises(RetryableError) as caught, disks.read_disks(session, web(session)):
        pass
    assert caught.value is gone


def raising(error: Exception) -> Callable[[object], list[str]]:
    def refuse(_: object) -> list[str]:
        raise error

    return refuse


def test_disks_are_merged_before_anything_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "_LOOK", 0)
    answers = iter([["D:\\vms\\web_1.AVHDX"], ["D:\\vms\\web.vhdx"]])
    session: Any = Told(**{"checkpoint-remove": lambda _: next(answers)})
    checkpoints.end(session, "checkpoint-remove", ID, checkpoints.READ)
    assert len(session.asked) == 2
    monkeypatch.setattr(checkpoints, "_MERGED", -1)
    stuck: Any = Told(**{"checkpoint-remove": ["a.avhdx"]})
    with pytest.raises(Exception, match="does not merge the disks of a checkpoint"):
        checkpoints.end(stuck, "checkpoint-remove", ID, checkpoints.READ)


def test_what_a_killed_try_left_is_removed() -> None:
    left = [{"id": "1", "name": name, "type": "Standard"} for name in checkpoints.OURS]
    session = told(snapshots=left)
    session.answers |= {"trial-end": [], "checkpoint-remove": []}
    disks.release(session, web(session))
    assert scripts_of(session) == ["trial-end", "checkpoint-remove"]
    untouched = told(snapshots=[{"id": "1", "name": "before the update", "type": "Standard"}])
    disks.release(untouched, web(untouched))
    assert scripts_of(untouched) == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"snapshots": [{"id": "1", "name": "before the update", "type": "Standard"}]},
            "Machine 'web' on hv-a has checkpoints (before the update), so its disks are chains of files, which "
            "nothing but Hyper-V reads.",
        ),
        (
            {"disks": [DISK | {"passThrough": True, "path": "Disk 3"}]},
            "Disk SCSI 0:0 of machine 'web' on hv-a is a physical disk (pass-through), so it is no file that could be "
            "read.",
        ),
        (
            {"disks": [DISK | {"parent": "D:\\base.vhdx"}]},
            "Disk SCSI 0:0 of machine 'web' on hv-a is a differencing disk upon D:\\base.vhdx, which nothing but "
            "Hyper-V reads.",
        ),
        ({"state": "Saved"}, "Machine 'web' on hv-a is neither running nor off."),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_sentence(changes: dict[str, Any], sentence: str) -> None:
    session = told(**changes)
    with pytest.raises(OperatorNeededError) as caught, disks.read_disks(session, web(session)):
        raise AssertionError("read")
    assert caught.value.message == sentence
    assert scripts_of(session) == []


def test_a_machine_that_was_started_meanwhile_is_told(samba: Samba) -> None:
    session = told(samba, state="Off")
    with (
        pytest.raises(OperatorNeededError, match="was started while its disks were read"),
        disks.read_disks(session, web(session)),
    ):
        session.answers["state"] = ["Running"]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"state": "Off"}, "Machine 'web' on hv-a was not made by this move, so it is not written to."),
        ({"notes": tags.text(OWNER)}, "Machine 'web' on hv-a is not off, so it is not written to."),
    ],
)
def test_only_our_own_that_is_off_is_written(changes: dict[str, Any], sentence: str) -> None:
    session = told(**changes)
    with pytest.raises(OperatorNeededError) as caught, disks.write_disks(session, web(session), OWNER):
        raise AssertionError("written")
    assert caught.value.message == sentence


# The trial


def trying(**changes: Any) -> Any:
    """A host that keeps the trial's checkpoint and the state, as Hyper-V would."""
    session = told(**{"state": "Off", "notes": tags.text(OWNER), **changes})
    session.spec.extra.update(trial_jump="drover@jump")
    machine = session.answers["inventory"][0]

    def begin(given: dict[str, Any]) -> list[str]:
        machine["snapshots"] = [{"id": "1", "name": given["name"], "type": "Standard"}]
        return [given["switch"]]

    def on(_: dict[str, Any]) -> list[str]:
        session.answers["state"] = ["Running"]
        return []

    def end(_: dict[str, Any]) -> list[str]:
        machine["snapshots"] = []
        return ["D:\\vms\\web.vhdx"]

    session.answers |= {"trial-begin": begin, "power-on": on, "trial-end": end}
    return session


def test_a_trial_boots_on_the_private_switch_and_leaves_nothing() -> None:
    session = trying()
    with pytest.raises(ZeroDivisionError), trial.isolated_trial(session, web(session), "isolated", OWNER):
        raise ZeroDivisionError
    assert scripts_of(session) == ["trial-begin", "power-on", "trial-end"]
    assert session.given("trial-begin") == [{"id": ID, "name": "drover trial", "switch": "isolated"}]


def test_a_killed_trial_is_ended_first() -> None:
    session = trying(snapshots=[{"id": "1", "name": "drover trial", "type": "Standard"}])
    with trial.isolated_trial(session, web(session), "isolated", OWNER):
        pass
    assert scripts_of(session) == ["trial-end", "trial-begin", "power-on", "trial-end"]


@pytest.mark.parametrize("network", ["production", "host only", "gone"])
def test_nothing_boots_where_there_is_a_way_out(network: str) -> None:
    session = trying()
    with (
        pytest.raises(OperatorNeededError, match="is not isolated|is not there"),
        trial.isolated_trial(session, web(session), network, OWNER),
    ):
        raise AssertionError("booted")
    assert scripts_of(session) == []


def test_an_adapter_that_stayed_behind_keeps_the_machine_off() -> None:
    session = trying()
    begin = session.answers["trial-begin"]
    session.answers["trial-begin"] = lambda given: [*begin(given), "production"]
    with (
        pytest.raises(OperatorNeededError, match="is not on the network 'isolated' after all"),
        trial.isolated_trial(session, web(session), "isolated", OWNER),
    ):
        raise AssertionError("booted")
    assert scripts_of(session) == ["trial-begin", "trial-end"]


def test_a_trial_without_a_way_in_is_refused() -> None:
    session = trying()
    session.spec.extra.pop("trial_jump")
    with (
        pytest.raises(OperatorNeededError, match="gives no way into an isolated network"),
        trial.isolated_trial(session, web(session), "isolated", OWNER),
    ):
        raise AssertionError("booted")
    assert scripts_of(session) == []

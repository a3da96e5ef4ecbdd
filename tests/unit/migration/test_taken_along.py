"""Live moves in which the platform takes the machine along: the laws, where the source keeps nothing of it."""

import itertools
from pathlib import Path

import pytest
from fake_host import Killed, TakingFakeHost

from conftest import STAGES, Site, build
from drover.errors import CorruptionError, OperatorNeededError, RetryableError
from drover.hypervisors import registry
from drover.hypervisors.port import LiveState
from drover.migration import returning
from drover.model import PowerState

OFF, RUNNING = PowerState.OFF, PowerState.RUNNING


@pytest.fixture
def along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    site = build(tmp_path, monkeypatch, TakingFakeHost("a", tmp_path / "a"), TakingFakeHost("b", tmp_path / "b"))
    site.wave["machines"][0] |= {"strategy": "live"}
    return site


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """One manager is both ends; the machine goes from its host `a` to its host `esx-2`."""
    manager = TakingFakeHost("a", tmp_path / "a")
    manager.kind = "vsphere"
    site = build(tmp_path, monkeypatch, manager, manager)
    monkeypatch.setattr(registry, "connect", lambda spec: manager)
    site.wave["target"] = "a"
    raw = {"id": "disk.format", "reason": "The fake host keeps its disks so."}
    site.wave["machines"][0] |= {"strategy": "live", "host": "esx-2", "waive": [raw]}
    return site


def at_source_as_before(site: Site) -> bool:
    source = site.source.known["web"]
    return source.state is RUNNING and source.autostart and "web" not in site.target.known


def moved(site: Site) -> None:
    site.run_until("commit")
    assert "web" not in site.source.known
    assert site.target.state("web") is RUNNING


# Forward


def test_the_machine_ends_at_the_target_and_its_backup_stays_behind(along: Site) -> None:
    for stage in STAGES:
        along.run(stage)

    assert "web" not in along.source.known
    target = along.target.known["web"]
    assert (target.state, target.autostart) == (RUNNING, True)
    assert target.ownership is not None
    assert target.ownership.role == "committed"
    assert [path.name for path in along.root.glob("backup/**/*.qcow2")] == ["vda.qcow2", "vdb.qcow2"]
    assert "set_autostart" not in along.source.calls, "what leaves as a whole keeps its settings"


def test_the_record_says_that_blocks_were_not_compared_and_files_with_the_backup(along: Site) -> None:
    along.run_until("validate")

    facts = along.run("validate")

    assert facts["compared_with"]["files"] == "the verified backup"
    assert facts["compared_with"]["blocks"].startswith("nothing: the platform took the machine along")
    assert set(facts["suites"]) == {"machine", "guest_files"}
    assert "read_disks" not in along.source.calls[along.source.calls.index("start_live") :]


def test_a_file_that_is_not_what_the_backup_has_is_found(along: Site) -> None:
    along.run_until("validate")
    with open(along.target.known["web"].disks[1].path, "r+b") as image:
        image.write(b"wrong")

    with pytest.raises(CorruptionError, match="changed in their content"):
        along.run("validate")


def test_a_backup_that_lost_an_image_is_nothing_to_compare_with(along: Site) -> None:
    along.run_until("validate")
    next(along.root.glob("backup/**/vdb.qcow2")).unlink()

    with pytest.raises(CorruptionError, match="backup of machine 'web'.*is not whole"):
        along.run("validate")


@pytest.mark.parametrize("stage", ["cutover", "commit"])
def test_law_1_without_the_whole_backup_nothing_is_final(along: Site, stage: str) -> None:
    along.run_until(stage)
    next(along.root.glob("backup/**/vda.qcow2")).unlink()

    with pytest.raises(CorruptionError, match="is not whole"):
        along.run(stage)


@pytest.mark.parametrize("stage", ["cutover", "commit"])
def test_law_2_a_machine_that_is_at_the_source_again_stops_the_move(along: Site, stage: str) -> None:
    along.run_until(stage)
    along.source.known["web"] = along.target.known["web"]

    with pytest.raises(OperatorNeededError, match="at the source, though it was moved away"):
        along.run(stage)


def test_another_machine_of_that_name_at_the_source_is_not_this_one(along: Site) -> None:
    along.run_until("commit")
    along.source.add("other", {"vda": b"\1" * 512})
    along.source.known["web"] = along.source.known.pop("other")

    along.run("commit")

    assert along.source.known["web"].ownership is None


def test_a_comparison_at_the_switch_over_is_refused_before_anything_moves(along: Site) -> None:
    along.wave["machines"][0] |= {"compare_at_switchover": True}
    along.run_until("transfer")

    with pytest.raises(OperatorNeededError, match="cannot be compared at the switch-over"):
        along.run("transfer")
    along.roll_back()

    assert at_source_as_before(along)


def test_done_is_not_believed_while_the_machine_is_still_at_the_source(along: Site) -> None:
    along.run_until("transfer")
    along.source.outcome = LiveState.RUNNING
    with along.move() as move:
        from drover.migration import transfer

        transfer.begin(move)
        along.source.outcome = LiveState.DONE
        with pytest.raises(RetryableError, match="not at the target alone"):
            transfer.finish(move)


# Back


def test_a_move_that_failed_leaves_the_machine_where_it_is(along: Site) -> None:
    along.run_until("transfer")
    along.source.outcome = LiveState.FAILED

    with pytest.raises(RetryableError, match="the test said so"):
        along.run("transfer")
    along.roll_back()

    assert at_source_as_before(along)
    assert "power_on" not in along.source.calls


def test_a_finished_move_is_taken_back_while_the_machine_runs(along: Site) -> None:
    moved(along)

    facts = along.roll_back()

    assert facts["target"] == "the machine came back from there while it ran"
    assert at_source_as_before(along)
    calls = along.source.calls + along.target.calls
    assert not {"power_on", "power_off", "shut_down", "remove"} & set(calls)
    tag = along.source.known["web"].ownership
    assert tag is not None
    assert tag.role == "returned"


def test_a_committed_move_is_taken_back_on_a_persons_word(along: Site) -> None:
    for stage in STAGES:
        along.run(stage)
    assert "committed" in along.roll_back()["nothing"]

    with along.move() as move:
        returning.begin(move)
    along.roll_back()

    assert at_source_as_before(along)


@pytest.mark.parametrize("state", [OFF, PowerState.PAUSED])
def test_law_2_a_machine_that_does_not_run_there_is_a_persons_decision(along: Site, state: PowerState) -> None:
    moved(along)
    along.target.change("web", state=state)

    with pytest.raises(OperatorNeededError, match=r"(?s)does not run.*verified backup lies in"):
        along.roll_back()

    assert "web" not in along.source.known
    assert along.target.state("web") is state
    assert "power_on" not in along.source.calls + along.target.calls


def test_a_target_that_does_not_answer_starts_nothing_here(along: Site) -> None:
    moved(along)
    along.target.gone = True

    with pytest.raises(RetryableError, match=r"(?s)does not answer.*verified backup lies in"):
        along.roll_back()

    assert "web" not in along.source.known
    along.target.gone = False
    along.roll_back()
    assert at_source_as_before(along)


def test_a_target_that_does_not_answer_is_no_matter_while_the_machine_runs_here(along: Site) -> None:
    along.run_until("transfer")
    along.source.outcome = LiveState.FAILED
    with pytest.raises(RetryableError):
        along.run("transfer")
    along.target.gone = True

    along.roll_back()

    assert along.source.state("web") is RUNNING


def test_a_machine_that_is_gone_from_both_ends_is_a_persons_decision(along: Site) -> None:
    moved(along)
    along.target.known.clear()

    with pytest.raises(OperatorNeededError, match="is at neither end"):
        along.roll_back()


def test_a_machine_at_both_ends_is_a_persons_decision(along: Site) -> None:
    moved(along)
    along.source.known["web"] = along.target.known["web"]

    with pytest.raises(OperatorNeededError, match="is running at the source and running at the target"):
        along.roll_back()

    assert "start_live" not in along.target.calls


def test_a_way_back_that_fails_is_tried_again(along: Site) -> None:
    moved(along)
    along.target.outcome = LiveState.FAILED

    with pytest.raises(RetryableError, match="did not come back: the test said so"):
        along.roll_back()
    assert along.target.state("web") is RUNNING
    along.target.outcome = LiveState.DONE
    along.roll_back()

    assert at_source_as_before(along)


@pytest.mark.parametrize("stage", ["transfer", "cutover", "commit", "rollback"])
def test_a_stage_killed_at_any_call_can_be_retried_or_taken_back(along: Site, stage: str) -> None:
    """There is one machine, and it runs, whichever way it goes on."""
    along.run_until("commit" if stage == "rollback" else stage)
    before = along.snapshot()

    for at in itertools.count(1):
        before.restore()
        if not _killed(along, stage, at):
            break
        assert [host.state("web") for host in (along.source, along.target)].count(RUNNING) == 1
        if at % 2 and stage != "rollback":
            for later in list(STAGES)[list(STAGES).index(stage) :]:
                along.run(later)
            assert "web" not in along.source.known
            assert along.target.state("web") is RUNNING
        else:
            along.roll_back()
            # A commit that was killed after its last change may be final.
            assert at_source_as_before(along) or stage == "commit"

    assert at > 3


def _killed(site: Site, stage: str, at: int) -> bool:
    killer = site.source.killer = site.target.killer
    killer.seen, killer.at = 0, at
    try:
        if stage == "rollback":
            site.roll_back()
        else:
            site.run(stage)
    except Killed:
        return True
    finally:
        killer.at = 0
    return False


# Behind one manager


def test_behind_one_manager_the_machine_changes_its_host_and_comes_back(inside: Site) -> None:
    inside.run_until("commit")
    assert inside.source.known["web"].host == "esx-2"

    inside.roll_back()

    assert inside.source.known["web"].host == "a"
    assert inside.source.state("web") is RUNNING


def test_behind_one_manager_it_can_be_made_final(inside: Site) -> None:
    for stage in STAGES:
        inside.run(stage)

    machine = inside.source.known["web"]
    assert (machine.host, machine.state, machine.autostart) == ("esx-2", RUNNING, True)


def test_behind_one_manager_a_machine_that_went_back_by_itself_stops_the_move(inside: Site) -> None:
    inside.run_until("cutover")
    inside.source.change("web", host="a")

    with pytest.raises(OperatorNeededError, match="at the source, though it was moved away"):
        inside.run("cutover")

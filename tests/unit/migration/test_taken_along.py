"""Live moves in which the platform takes the machine along: the laws, where the source keeps nothing of it."""

import hashlib

import pytest
from outcomes import RUNNING, taken_back

from conftest import STAGES, Site
from drover.errors import CorruptionError, OperatorNeededError, RetryableError
from drover.hypervisors.port import LiveState
from drover.migration.question import question


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
    for name, digest in facts["proofs"].items():  # who alters a result later is found out
        (result,) = along.root.glob(f"store/*/*/*/{name}")
        assert hashlib.sha256(result.read_bytes()).hexdigest() == digest
    assert len(facts["proofs"]) == 2
    assert "read_disks" not in along.source.calls[along.source.calls.index("start_live") :]

    # And so reads whoever is asked for the cutover, also where the source does not answer any more.
    along.wave["approval"] = {"approvers": ["alice"], "deadline": "2 h"}
    along.source.gone = True
    with along.move() as move:
        asked = question(move).body
    assert "compared with the backup, which alone stays behind" in asked
    assert "the source keeps nothing of the machine" in asked


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
    along.run("inventory")
    with pytest.raises(OperatorNeededError, match="strategy.live_impossible"):
        along.run("preflight")
    along.run("backup")

    with pytest.raises(OperatorNeededError, match="strategy.live_impossible"):
        along.run("transfer")
    assert "start_live" not in along.source.calls
    along.roll_back()

    assert taken_back(along)


def test_done_is_not_believed_while_the_machine_is_still_at_the_source(along: Site) -> None:
    along.run_until("transfer")
    along.source.outcome = LiveState.RUNNING
    with along.move() as move:
        from drover.migration import transfer

        transfer.begin(move)
        along.source.outcome = LiveState.DONE
        with pytest.raises(RetryableError, match="not at the target alone"):
            transfer.finish(move)


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

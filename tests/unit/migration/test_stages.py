"""The stages in order, and the laws that hold between them."""

import dataclasses
import itertools
import threading
from pathlib import Path

import pytest
from fake_host import MIB, Killed

from conftest import STAGES, Site
from drover.errors import CorruptionError, OperatorNeededError, RetryableError
from drover.hypervisors.port import LiveState
from drover.model import Ownership, PowerState

OFF, RUNNING = PowerState.OFF, PowerState.RUNNING


def same_bytes(site: Site) -> bool:
    pairs = zip(site.source.known["web"].disks, site.target.known["web"].disks, strict=True)
    return all(Path(a.path).read_bytes() == Path(b.path).read_bytes() for a, b in pairs)


def taken_back(site: Site) -> bool:
    """The source is as it was, and nothing of ours is left at the target."""
    source = site.source.known["web"]
    return source.state is RUNNING and source.autostart and "web" not in site.target.known


def test_a_cold_move_ends_with_the_target_running_and_the_source_kept(site: Site) -> None:
    for stage in STAGES:
        site.run(stage)

    source, target = site.source.known["web"], site.target.known["web"]
    assert (source.state, target.state) == (OFF, RUNNING)
    assert (source.autostart, target.autostart) == (False, True)
    assert source.ownership is not None
    assert source.ownership.role == "migrated"
    assert same_bytes(site)


def test_the_account_of_a_cold_move_says_what_it_did(site: Site) -> None:
    for stage in list(STAGES)[:-1]:
        site.run(stage)

    facts = site.run("commit")

    # vdb begins with 2 MiB of zeroes, which a raw file without holes still has to be read for.
    assert facts["bytes_read"] == 8 * MIB
    assert facts["checks"] > 4
    assert facts["downtime_seconds"] > 0


def test_the_trial_leaves_no_machine_and_no_byte_behind(site: Site) -> None:
    site.run_until("test")

    site.run("test")

    assert site.target.trials == 0
    assert same_bytes(site)


@pytest.mark.parametrize("missing", ["backup", "transfer", "validate", "test"])
def test_no_cutover_without_each_stage_before_it(site: Site, missing: str) -> None:
    site.run_until("cutover")
    with site.move() as move:
        move.store.record(missing, "failed", {"message": "the test said so"}, 0.0)

    with pytest.raises(OperatorNeededError, match=f"stage '{missing}' has not passed"):
        site.run("cutover")

    assert site.target.state("web") is OFF


def test_no_cutover_beside_a_source_that_someone_started(site: Site) -> None:
    site.run_until("cutover")
    site.source.power_on("web")

    with pytest.raises(OperatorNeededError, match="is running at the source"):
        site.run("cutover")

    assert site.target.state("web") is OFF


def test_no_cutover_without_the_backup_on_its_disk(site: Site) -> None:
    site.run_until("cutover")
    for seal in site.root.glob("backup/**/backup.json"):
        seal.unlink()

    with pytest.raises(OperatorNeededError, match="backup of machine 'web' is not there"):
        site.run("cutover")


def test_a_flipped_byte_at_the_target_is_found_named_and_taken_back(site: Site) -> None:
    site.run_until("validate")
    with open(site.target.known["web"].disks[0].path, "r+b") as image:
        image.seek(4 * MIB + 17)
        byte = image.read(1)[0]
        image.seek(4 * MIB + 17)
        image.write(bytes([byte ^ 1]))

    with pytest.raises(CorruptionError, match=r"(?s)vda.*4194304"):
        site.run("validate")
    with pytest.raises(OperatorNeededError):
        site.run("cutover")
    site.roll_back()

    assert taken_back(site)


def test_a_source_written_after_the_copy_is_found(site: Site) -> None:
    site.run_until("validate")
    with open(site.source.known["web"].disks[1].path, "r+b") as image:
        image.write(b"late")

    with pytest.raises(CorruptionError, match="vdb.*was written at the source"):
        site.run("validate")


def test_rollback_before_anything_was_touched_changes_nothing(site: Site) -> None:
    site.run("inventory")

    site.roll_back()

    assert site.source.calls.count("shut_down") == 0
    assert taken_back(site)


def test_rollback_starts_the_source_though_the_target_host_is_gone(site: Site) -> None:
    site.run_until("validate")
    site.target.gone = True

    site.roll_back()

    assert site.source.state("web") is RUNNING


def test_rollback_keeps_the_source_off_where_the_target_may_run_and_does_not_answer(site: Site) -> None:
    site.run_until("commit")
    site.target.gone = True

    with pytest.raises(RetryableError, match="may run at the target"):
        site.roll_back()

    assert site.source.state("web") is OFF


def test_rollback_after_the_target_ran_keeps_its_disks_off_and_tagged(site: Site) -> None:
    site.run_until("commit")

    site.roll_back()

    target = site.target.known["web"]
    assert (site.source.state("web"), target.state) == (RUNNING, OFF)
    assert target.ownership is not None
    assert target.ownership.role == "kept"


def test_rollback_leaves_a_strangers_machine_alone(site: Site) -> None:
    site.run_until("validate")
    stranger = Ownership("other", "run", "web", "not-ours", "target")
    site.target.change("web", ownership=stranger, uuid="not-ours")

    site.roll_back()

    assert site.target.known["web"].ownership == stranger
    assert site.source.state("web") is RUNNING


def test_after_a_rollback_the_old_backup_counts_no_more(site: Site) -> None:
    site.run_until("validate")
    first = site.run("backup")["folder"]
    site.roll_back()

    with pytest.raises(OperatorNeededError, match="stage 'backup' has not passed"):
        site.run("transfer")

    assert site.run("backup")["folder"] != first


def test_a_machine_that_was_off_is_moved_and_stays_off(site: Site) -> None:
    site.source.change("web", state=OFF)
    for stage in STAGES:
        site.run(stage)

    assert (site.source.state("web"), site.target.state("web")) == (OFF, OFF)


# Two runs of one machine


def test_a_run_is_refused_while_an_older_one_was_never_taken_back(site: Site) -> None:
    """The older run's target may be the machine's only good copy by then."""
    site.run_until("commit")
    later = dataclasses.replace(site, name="run-2")

    with pytest.raises(OperatorNeededError, match="neither committed nor rolled back"):
        later.run("inventory")
    calls = (len(site.source.calls), len(site.target.calls))

    assert "changed nothing, because the machine is being moved by wave 'unit'" in later.roll_back()["nothing"]

    assert (len(site.source.calls), len(site.target.calls)) == calls
    assert site.target.state("web") is RUNNING
    assert site.source.state("web") is OFF


def test_an_old_runs_rollback_leaves_a_later_runs_commit_alone(site: Site) -> None:
    site.run_until("validate")
    site.roll_back()
    later = dataclasses.replace(site, name="run-2")
    for stage in STAGES:
        later.run(stage)

    assert "nothing" in site.roll_back()

    assert (site.source.state("web"), site.target.state("web")) == (OFF, RUNNING)


def test_a_target_that_stopped_after_its_start_keeps_its_disks(site: Site) -> None:
    """A full pool pauses a guest: it wrote before that."""
    site.run_until("commit")
    site.target.change("web", state=PowerState.PAUSED)

    with pytest.raises(OperatorNeededError, match="is paused at the target"):
        site.run("commit")
    site.roll_back()

    assert site.target.state("web") is OFF
    assert site.source.state("web") is RUNNING


def test_a_guest_that_shuts_down_after_its_deadline_is_started_again(site: Site) -> None:
    site.wave["machines"][0] |= {"shutdown_deadline": "3 s"}
    site.run_until("transfer")
    site.source.break_at("shut_down", OperatorNeededError("It still runs.", remedy="Wait."))
    with pytest.raises(OperatorNeededError):
        site.run("transfer")
    late = threading.Timer(1.5, lambda: site.source.change("web", state=OFF))
    late.start()

    site.roll_back()

    late.join()
    assert site.source.state("web") is RUNNING


def test_a_machine_started_since_the_inventory_is_not_taken_for_one_that_is_off(site: Site) -> None:
    site.source.change("web", state=OFF)
    site.run_until("transfer")
    site.source.power_on("web")

    with pytest.raises(OperatorNeededError, match="was off when the run began and is running now"):
        site.run("transfer")

    assert site.source.state("web") is RUNNING


def test_what_was_written_at_the_source_during_the_test_is_found_at_the_cutover(site: Site) -> None:
    site.run_until("cutover")
    with open(site.source.known["web"].disks[0].path, "r+b") as image:
        image.write(b"late")

    with pytest.raises(CorruptionError, match="was written at the source"):
        site.run("cutover")

    assert site.target.state("web") is OFF


def test_a_transfer_done_again_makes_its_old_validation_worthless(site: Site) -> None:
    site.run_until("cutover")
    site.run("transfer")

    with pytest.raises(OperatorNeededError, match="stage 'validate' looked at was changed"):
        site.run("cutover")


# Killed at any point


@pytest.mark.parametrize("stage", ["transfer", "cutover", "commit"])
def test_a_stage_killed_at_any_call_can_be_retried_or_taken_back(site: Site, stage: str) -> None:
    """Never two, and the data whole, whichever way it goes on."""
    site.run_until(stage)
    before = site.snapshot()

    for at in itertools.count(1):
        before.restore()
        if not _killed(site, stage, at):
            break
        if at % 2:
            _goes_on(site, stage)
        else:
            _goes_back(site)

    assert at > 4


def _killed(site: Site, stage: str, at: int) -> bool:
    """Runs the stage and kills it at the `at`-th call to a host; False where it makes fewer."""
    killer = site.source.killer = site.target.killer
    killer.seen, killer.at = 0, at
    try:
        site.run(stage)
    except Killed:
        return True
    finally:
        killer.at = 0
    return False


def _goes_on(site: Site, stage: str) -> None:
    site.run(stage)
    for later in list(STAGES)[list(STAGES).index(stage) + 1 :]:
        site.run(later)
    assert (site.source.state("web"), site.target.state("web")) == (OFF, RUNNING)
    assert same_bytes(site)


def _goes_back(site: Site) -> None:
    site.roll_back()
    assert site.source.state("web") is RUNNING
    assert site.source.known["web"].autostart
    assert site.target.state("web") in (None, OFF)


# Live


@pytest.fixture
def live(site: Site) -> Site:
    site.wave["machines"][0] |= {"strategy": "live"}
    return site


def test_a_live_move_ends_with_the_target_running_and_the_source_kept(live: Site) -> None:
    for stage in STAGES:
        live.run(stage)

    assert (live.source.state("web"), live.target.state("web")) == (OFF, RUNNING)
    assert not live.source.known["web"].autostart


def test_a_live_move_that_fails_leaves_the_source_running(live: Site) -> None:
    live.run_until("transfer")
    live.source.outcome = LiveState.FAILED

    with pytest.raises(RetryableError, match="the test said so"):
        live.run("transfer")
    live.roll_back()

    assert taken_back(live)


def test_a_pause_at_the_switchover_compares_before_the_target_runs(live: Site) -> None:
    live.wave["machines"][0] |= {"compare_at_switchover": True}
    for stage in STAGES:
        live.run(stage)

    assert live.target.calls.index("resume") > live.target.calls.index("read_disks")
    assert live.target.state("web") is RUNNING


def test_a_difference_at_the_switchover_never_lets_the_target_run(live: Site) -> None:
    live.wave["machines"][0] |= {"compare_at_switchover": True}
    live.run_until("transfer")
    with live.move() as move:
        begin_transfer(move)
    with open(live.target.known["web"].disks[1].path, "r+b") as image:
        image.write(b"wrong")

    with pytest.raises(CorruptionError, match="disk vdb differs from byte 0"):
        live.run("transfer")
    assert live.target.state("web") is PowerState.PAUSED
    live.roll_back()

    assert taken_back(live)


def begin_transfer(move: object) -> None:
    from drover.migration import transfer

    assert transfer.begin(move)  # type: ignore[arg-type]

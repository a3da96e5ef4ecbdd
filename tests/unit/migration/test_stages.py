"""The stages of a cold move in order, and the laws that hold between them."""

import pytest
from fake_host import MIB
from outcomes import OFF, RUNNING, same_bytes, taken_back

from conftest import STAGES, Site
from drover.errors import CorruptionError, OperatorNeededError, RetryableError
from drover.migration import cutover


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


def test_what_the_guest_told_of_itself_counts_when_it_is_off(site: Site) -> None:
    """Hyper-V hears from the guest what system it is, and what stands in at the target follows from it."""
    site.source.change("web", guest_os="Debian GNU/Linux")
    site.run_until("transfer")
    site.source.change("web", guest_os=None)

    site.run("transfer")

    assert site.target.known["web"].guest_os == "Debian GNU/Linux"


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


def test_a_machine_that_was_off_is_moved_and_stays_off(site: Site) -> None:
    site.source.change("web", state=OFF)
    for stage in STAGES:
        site.run(stage)

    assert (site.source.state("web"), site.target.state("web")) == (OFF, OFF)


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


def test_a_host_that_is_away_once_the_target_was_started_undoes_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Airflow would give up after its few retries, and what the target has written would be left behind."""
    monkeypatch.setattr(cutover, "_AGAIN", 0.0)
    site.run_until("cutover")
    site.target.break_at("power_state", RetryableError("The line broke.", remedy="Try again."))

    site.run("cutover")

    with site.move() as move:
        told = [record.outcome for record in move.store.records() if record.step == "cutover"]
    assert told == ["info", "failed", "info", "passed"]


def test_a_cutover_that_started_nothing_is_given_up_soon(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The source is off, and must not wait for a host that is away."""
    monkeypatch.setattr(cutover, "_AGAIN", 0.0)
    site.run_until("cutover")
    site.source.break_at("power_state", RetryableError("The line broke.", remedy="Try again."))

    with pytest.raises(RetryableError, match="The line broke"):
        site.run("cutover")

    assert site.target.state("web") is OFF


def test_a_source_that_is_away_at_the_commit_undoes_nothing(site: Site) -> None:
    """Its machine is well at the target; Airflow tries the commit again for hours, because this is its error."""
    site.run_until("commit")
    site.source.gone = True
    for _ in range(3):
        with pytest.raises(RetryableError, match="does not answer"):
            site.run("commit")
    site.source.gone = False

    site.run("commit")

    assert (site.source.state("web"), site.target.state("web")) == (OFF, RUNNING)

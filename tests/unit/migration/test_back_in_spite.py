"""What stands in the way of a rollback and is no reason to leave the machine off, and what is one all the same."""

import errno
import threading
from typing import Any

import pytest
from fake_host import FakeHost
from outcomes import OFF, RUNNING

from conftest import Site
from drover.errors import CorruptionError, OperatorNeededError, RetryableError
from drover.evidence.store import MachineStore
from drover.hypervisors import registry
from drover.migration import backup, intents
from drover.migration.intents import Intent


def test_a_target_that_may_run_beside_the_source_and_does_not_answer_is_not_called_off(site: Site) -> None:
    """Law: never two. Its cluster has restarted the source beside the target, whose host cannot be asked now."""
    site.run_until("commit")
    site.source.change("web", state=RUNNING)
    with pytest.raises(OperatorNeededError, match="runs at the source again"):
        site.run("commit")
    site.target.gone = True

    with pytest.raises(RetryableError, match="may run at the target"):
        site.roll_back()

    site.target.gone = False
    site.roll_back()
    assert (site.source.state("web"), site.target.state("web")) == (RUNNING, OFF)


def test_a_source_that_this_rollback_has_started_needs_no_target_any_more(site: Site) -> None:
    site.run_until("commit")
    site.source.break_at("set_autostart", RetryableError("The line broke.", remedy="Try again."))
    with pytest.raises(RetryableError, match="The line broke"):
        site.roll_back()
    site.target.gone = True

    site.roll_back()

    assert site.source.state("web") is RUNNING


def test_a_full_host_at_the_target_does_not_keep_the_source_off(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The guest filled its pool up, which is why it failed; its definition cannot be written any more either."""
    site.run_until("commit")

    def full(*_: object) -> None:
        raise OperatorNeededError("There is no room left on b.", remedy="Make room.")

    monkeypatch.setattr(site.target, "tag", full)

    site.roll_back()

    assert (site.source.state("web"), site.target.state("web")) == (RUNNING, OFF)


def test_a_store_of_backups_that_is_away_does_not_keep_the_source_off(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.run_until("validate")

    def away(_: object) -> None:
        raise RetryableError("The object store does not answer.", remedy="Look at it.")

    monkeypatch.setattr(backup, "discard_unfinished", away)

    site.roll_back()

    assert site.source.state("web") is RUNNING


def test_evidence_that_finds_no_room_does_not_keep_the_source_off(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """It starts the source, says so, and is tried again until it can be recorded."""
    site.run_until("validate")

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(MachineStore, "record", full)
        patched.setattr(MachineStore, "write_json", full)
        with pytest.raises(OSError, match="No space left"):
            site.roll_back()

    assert site.source.state("web") is RUNNING
    assert site.roll_back()["source"] == "running"


def test_a_connection_that_leads_elsewhere_by_now_shows_nothing_of_the_target(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Law: never two. Somebody pointed it at the host for the next wave, while the target runs on at the old one."""
    site.run_until("commit")
    other = FakeHost("c", site.root / "c")
    hosts = {"a": site.source, "b": other}
    monkeypatch.setattr(registry, "connect", lambda spec: hosts[spec.id])

    with pytest.raises(RetryableError, match="leads to c, and it led to b when the run began"):
        site.roll_back()

    assert (site.source.state("web"), site.target.state("web")) == (OFF, RUNNING)
    hosts["b"] = site.target
    site.roll_back()
    assert (site.source.state("web"), site.target.state("web")) == (RUNNING, OFF)


def test_a_guest_that_shuts_down_late_is_started_again_by_a_second_rollback_too(site: Site) -> None:
    """The first one had started the source and not got to its end; then somebody cleared the transfer."""
    site.wave["machines"][0] |= {"shutdown_deadline": "3 s"}
    site.run_until("validate")
    site.source.break_at("set_autostart", RetryableError("The line broke.", remedy="Try again."))
    with pytest.raises(RetryableError, match="The line broke"):
        site.roll_back()
    site.source.break_at("shut_down", OperatorNeededError("It still runs.", remedy="Wait."))
    with pytest.raises(OperatorNeededError):
        site.run("transfer")
    late = threading.Timer(1.5, lambda: site.source.change("web", state=OFF))
    late.start()

    site.roll_back()

    late.join()
    assert site.source.state("web") is RUNNING


def test_a_trial_that_does_not_end_at_a_target_that_is_off_does_not_keep_the_source_off(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its platform merges disks for hours. It never ran for its users, and is removed by the sweep later."""
    site.run_until("validate")

    def merging(*_: object) -> None:
        raise RetryableError("It does not merge the disks of a checkpoint.", remedy="See its event log.")

    monkeypatch.setattr(site.target, "end_trial", merging, raising=False)

    facts = site.roll_back()

    assert (site.source.state("web"), facts["target"]) == (RUNNING, "off, and could not be removed")


def test_a_trial_that_does_not_end_and_runs_keeps_the_source_off(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody can tell on which network somebody started it."""
    site.run_until("validate")
    site.target.change("web", state=RUNNING)

    def hangs(*_: object) -> None:
        raise RetryableError("It does not answer.", remedy="See its event log.")

    monkeypatch.setattr(site.target, "end_trial", hangs, raising=False)

    with pytest.raises(RetryableError, match="does not answer"):
        site.roll_back()

    assert site.source.state("web") is OFF


def alter_records(site: Site) -> None:
    path = next((site.root / "store").glob("unit/run-1/*/records.jsonl"))
    path.write_bytes(path.read_bytes().replace(b'"firmware":"bios"', b'"firmware":"uefi"'))


def test_evidence_that_somebody_altered_does_not_keep_the_source_off(site: Site) -> None:
    """That nobody made the move final is told by its claim, too. Nothing is recorded upon what was altered."""
    site.run_until("validate")
    alter_records(site)

    with pytest.raises(CorruptionError, match="were altered"):
        site.roll_back()

    assert (site.source.state("web"), "web" in site.target.known) == (RUNNING, False)


def test_where_the_altered_evidence_may_hide_a_commit_nothing_is_started(site: Site) -> None:
    site.run_until("commit")
    with site.move() as move:
        intents.declare(move.store, Intent.COMMITTED)
    alter_records(site)

    with pytest.raises(CorruptionError, match="were altered"):
        site.roll_back()

    assert (site.source.state("web"), site.target.state("web")) == (OFF, RUNNING)

"""Back in reverse order, back from a commit, and one worker at a machine at a time."""

import dataclasses
import threading
import time

import pytest
from fake_host import MIB, Killed

from conftest import STAGES, Site
from drover.errors import OperatorNeededError, RetryableError
from drover.migration import claims, order, returning
from drover.migration.alone import alone, busy
from drover.migration.intents import Intent, declare, declared
from drover.model import Nic, PowerState
from drover.waves.deadlines import patience, taking_back
from drover.waves.schema import Wave

OFF, RUNNING = PowerState.OFF, PowerState.RUNNING


@pytest.fixture
def tiers(site: Site) -> tuple[Site, Site]:
    """`web`, and `app` that needs it."""
    site.source.add("app", {"vda": bytes(MIB)})
    site.source.change("app", nics=(Nic("52:54:00:00:00:02", "production", "virtio"),))
    site.wave["machines"].append({**site.wave["machines"][0], "name": "app", "after": ["web"]})
    return site, dataclasses.replace(site, machine=1)


def committed(site: Site) -> Site:
    for stage in STAGES:
        site.run(stage)
    return site


def decide_to_take_back(site: Site) -> None:
    with site.move() as move:
        returning.begin(move)


# In reverse order


def test_a_machine_goes_back_after_the_one_that_needs_it(tiers: tuple[Site, Site]) -> None:
    web, app = tiers
    committed(web)
    app.run_until("commit")
    decide_to_take_back(web)
    first = threading.Thread(target=web.roll_back)
    first.start()
    time.sleep(1.5)

    assert web.source.state("web") is OFF
    app.roll_back()
    first.join()

    assert web.source.started == ["app", "web"]


def test_nobody_waits_for_a_machine_that_was_never_begun(tiers: tuple[Site, Site]) -> None:
    web, app = tiers
    app.run("inventory")
    web.run_until("cutover")
    before = time.monotonic()

    web.roll_back()

    assert time.monotonic() - before < 10
    assert web.source.state("web") is RUNNING


def test_a_machine_that_cannot_come_back_does_not_keep_the_others_off(
    tiers: tuple[Site, Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    web, app = tiers
    committed(web)
    app.run_until("commit")
    decide_to_take_back(web)
    monkeypatch.setattr(order, "patience", lambda *_: 0.2)

    web.roll_back()

    assert web.source.state("web") is RUNNING
    with web.move() as move:
        told = [record.facts for record in move.store.records() if record.step == "rollback"]
    assert {"went_ahead_of": ["app"]} in told


def test_the_time_for_a_rollback_covers_every_deadline_of_the_wave_file() -> None:
    base = {"strategy": "cold", "boot_deadline": "50 min", "shutdown_deadline": "20 min"}
    machines = [{**base, "name": "db"}, {**base, "name": "app", "after": ["db"]}]
    wave = Wave.model_validate(
        {"wave": "w", "source": "a", "target": "b", "backup": {"folder": "/b"}, "machines": machines}
    )
    assert patience(wave, wave.machine("app")) == 0
    assert patience(wave, wave.machine("db")) == 3600
    assert taking_back(wave, wave.machine("db")) > 3600 + 70 * 60


# Back from a commit


def test_a_committed_machine_stays_where_it_is_without_a_decision(site: Site) -> None:
    committed(site)

    assert "committed" in site.roll_back()["nothing"]

    assert (site.source.state("web"), site.target.state("web")) == (OFF, RUNNING)


def test_a_committed_machine_comes_back_and_its_target_is_kept_off(site: Site) -> None:
    committed(site)
    decide_to_take_back(site)

    facts = site.roll_back()

    assert facts["committed"]
    assert facts["checks"] > 0
    source, target = site.source.known["web"], site.target.known["web"]
    assert (source.state, source.autostart) == (RUNNING, True)
    assert (target.state, target.autostart) == (OFF, False)
    assert target.ownership is not None
    assert target.ownership.role == "kept"
    assert claims.held(site.root / "store") == []


def test_what_was_taken_back_is_not_taken_back_again(site: Site) -> None:
    committed(site)
    decide_to_take_back(site)
    site.roll_back()

    with pytest.raises(OperatorNeededError, match="taken back already"):
        decide_to_take_back(site)
    assert "nothing" in site.roll_back()


def test_a_machine_that_was_never_committed_is_no_decision(site: Site) -> None:
    site.run_until("commit")

    with pytest.raises(OperatorNeededError, match="was not committed"):
        decide_to_take_back(site)


@pytest.mark.parametrize("end", ["source", "target"])
def test_a_machine_that_moved_on_is_not_started_a_second_time(site: Site, end: str) -> None:
    """At this run's target it is off by then, and it runs in a third place."""
    committed(site)
    host = getattr(site, end)
    tag = host.known["web"].ownership
    host.change("web", state=OFF, ownership=dataclasses.replace(tag, wave="later", role="migrated"))
    decide_to_take_back(site)

    with pytest.raises(OperatorNeededError, match=f"at the {end} is not what run run-1 left there"):
        site.roll_back()

    assert site.source.state("web") is OFF
    assert claims.held(site.root / "store") == []
    assert "committed" in site.roll_back()["nothing"]


def test_a_machine_whose_source_was_removed_is_not_taken_back_and_nobody_holds_it(site: Site) -> None:
    committed(site)
    del site.source.known["web"]
    decide_to_take_back(site)

    with pytest.raises(OperatorNeededError, match="at the source is not what run run-1 left there"):
        site.roll_back()

    assert site.target.state("web") is RUNNING
    assert claims.held(site.root / "store") == []


def test_a_committed_source_stays_off_while_its_target_cannot_be_asked(site: Site) -> None:
    committed(site)
    decide_to_take_back(site)
    site.target.gone = True

    with pytest.raises(RetryableError):
        site.roll_back()

    assert site.source.state("web") is OFF
    assert [claim.machine for claim in claims.held(site.root / "store")] == ["web"]


def test_taking_back_a_commit_goes_on_wherever_it_was_killed(site: Site) -> None:
    committed(site)
    before = site.snapshot()
    for at in range(1, 100):
        before.restore()
        decide_to_take_back(site)
        killer = site.source.killer = site.target.killer
        killer.seen, killer.at = 0, at
        try:
            site.roll_back()
        except Killed:
            killer.at = 0
            both = (site.source.state("web"), site.target.state("web"))
            assert both != (RUNNING, RUNNING)
            site.roll_back()
        else:
            break
        finally:
            killer.at = 0
        assert (site.source.state("web"), site.target.state("web")) == (RUNNING, OFF)
    assert at > 8


# One at a time


def test_a_rollback_waits_until_the_killed_stage_is_really_gone(site: Site) -> None:
    site.run_until("transfer")
    entered, leave = threading.Event(), threading.Event()

    def work() -> None:
        with site.move() as move, alone(move):
            declare(move.store, Intent.BEGUN)
            entered.set()
            leave.wait(20)

    worker = threading.Thread(target=work)
    worker.start()
    entered.wait(20)
    uuid = site.source.known["web"].uuid
    assert busy(site.root / "store", uuid)
    back = threading.Thread(target=site.roll_back)
    back.start()
    time.sleep(1)
    assert "release_disks" not in site.source.calls

    leave.set()
    worker.join()
    back.join()

    assert "release_disks" in site.source.calls
    assert not busy(site.root / "store", uuid)
    with site.move() as move:
        assert declared(move.store, Intent.BEGUN) is None


def test_two_rollbacks_beside_each_other_take_back_once(site: Site) -> None:
    site.run_until("cutover")
    both = [threading.Thread(target=site.roll_back) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join()

    assert site.source.calls.count("power_on") == 1
    with site.move() as move:
        assert len([r for r in move.store.records() if (r.step, r.outcome) == ("rollback", "passed")]) == 1


def test_a_claim_that_cannot_be_read_lets_nobody_in(site: Site) -> None:
    site.run_until("transfer")
    path = site.root / "store" / claims.FOLDER / f"{site.source.known['web'].uuid}.json"
    path.write_text("{")

    with pytest.raises(Exception, match="cannot be read"):
        site.run("transfer")
    assert claims.held(site.root / "store") == []
    assert site.source.state("web") is RUNNING

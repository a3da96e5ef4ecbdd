"""A rehearsal proves the way there and leaves nothing, at the target or at the source, wherever it is killed."""

from dataclasses import replace
from pathlib import Path

import pytest
from fake_host import Killed, Killer

from conftest import STAGES, Site
from drover.errors import CorruptionError, OperatorNeededError, RetryableError
from drover.evidence.store import RunStore
from drover.migration import rehearsal, rehearsed, restore_test
from drover.migration.outcome import moved, outcome
from drover.model import PowerState
from drover.waves.schema import Wave

TOUCHES = {"power_on", "power_off", "shut_down", "set_autostart", "tag", "write_disks", "define", "remove"}


@pytest.fixture
def ready(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A wave that is a rehearsal, and all before it has passed."""
    site.wave["mode"] = "rehearsal"
    monkeypatch.setitem(STAGES, "rehearsal", rehearsal.run)
    for stage in ("inventory", "preflight", "backup"):
        site.run(stage)
    return site


def store(site: Site) -> Path:
    return site.root / "store"


def nothing_left(site: Site) -> bool:
    at_target = [*site.target.known, *(path.name for path in (site.root / "b").iterdir())]
    return at_target == [] and restore_test.left_behind(store(site)) == []


def last(site: Site) -> rehearsed.Rehearsed | None:
    wave = Wave.model_validate(site.wave)
    return rehearsed.newest(store(site), site.source.known["web"], wave, wave.machines[0])


def test_it_proves_blocks_settings_files_and_the_application_and_removes_all(ready: Site) -> None:
    before = ready.source.known["web"]

    facts = ready.run("rehearsal")

    assert set(facts["suites"]) == {"transfer", "machine", "guest_files", "application"}
    assert set(facts["seconds"]) == {"backup", "transfer", "validate", "test"}
    assert facts["as"] != "web"
    assert facts["downtime_seconds"] > 0
    assert "they miss it for about" in facts["will"][-1]
    assert nothing_left(ready)
    assert ready.target.started == []
    assert ready.source.known["web"] == before
    assert TOUCHES.isdisjoint(ready.source.calls)
    found = outcome(RunStore(store(ready), "unit", "run-1").machine("web"))
    assert found["state"] == "rehearsed"
    assert moved(found)


def test_a_live_moves_downtime_is_not_told(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STAGES, "rehearsal", rehearsal.run)
    site.wave |= {"mode": "rehearsal"}
    site.wave["machines"][0]["strategy"] = "live"
    for stage in ("inventory", "preflight", "backup"):
        site.run(stage)

    facts = site.run("rehearsal")

    assert facts["downtime_seconds"] is None
    assert any("is not told by a rehearsal" in sentence for sentence in facts["will"])


def test_a_byte_that_arrives_wrong_fails_it(ready: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    read = ready.target.read_disks

    def spoil(name: str) -> object:
        with open(ready.target.known[name].disks[0].path, "r+b") as image:
            image.seek(17)
            byte = image.read(1)[0]
            image.seek(17)
            image.write(bytes([byte ^ 1]))
        return read(name)

    monkeypatch.setattr(ready.target, "read_disks", spoil)
    with pytest.raises(CorruptionError, match="did not arrive whole"):
        ready.run("rehearsal")

    assert nothing_left(ready)
    assert last(ready) is None
    assert ready.source.state("web") is PowerState.RUNNING


def test_an_application_that_does_not_answer_fails_it(ready: Site) -> None:
    ready.wave["machines"][0]["checks"] = [{"http": {"url": "http://192.0.2.1/", "contains": "another"}}]
    ready.wave["machines"][0]["boot_deadline"] = "0.1 s"

    with pytest.raises(OperatorNeededError, match="came up on the network 'isolated' but failed"):
        ready.run("rehearsal")

    assert nothing_left(ready)


def test_killed_anywhere_nothing_stays_and_the_retry_goes_on(ready: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    killer = Killer()
    ready.source.killer = ready.target.killer = killer
    for at in range(2, 60, 5):
        killer.seen, killer.at = 0, at
        with monkeypatch.context() as dead:
            # What a killed process would have done on its way out, it does not do.
            dead.setattr(restore_test, "clean_up", lambda _move: None)
            try:
                ready.run("rehearsal")
                break
            except Killed:
                pass
        killer.at = 0
        assert "nothing" in ready.roll_back(), "the source was not touched, so nothing is taken back"
        assert nothing_left(ready), at
        assert ready.source.state("web") is PowerState.RUNNING
    else:
        pytest.fail("it never came to its end")
    assert at > 7
    assert TOUCHES.isdisjoint(ready.source.calls)


def test_what_could_not_be_removed_is_left_to_the_sweep(ready: Site) -> None:
    ready.target.break_at("remove", RetryableError("The host is away.", remedy="Wait."))
    with pytest.raises(RetryableError, match="The host is away"):
        ready.run("rehearsal")

    assert [mark.machine for mark in restore_test.left_behind(store(ready))] == ["web"]
    ready.roll_back()
    assert nothing_left(ready)
    assert last(ready) is None, "what is not recorded does not count"


def test_a_rehearsal_can_move_nothing(ready: Site) -> None:
    with pytest.raises(OperatorNeededError, match="is only rehearsed in this run"):
        ready.run("transfer")

    assert ready.source.state("web") is PowerState.RUNNING
    assert TOUCHES.isdisjoint(ready.source.calls)


def test_without_a_test_network_there_is_none(ready: Site) -> None:
    del ready.wave["mappings"]["test_network"]
    ready.wave["mode"] = "real"

    with pytest.raises(OperatorNeededError, match="names no isolated network"):
        ready.run("rehearsal")


# Which one counts


def test_a_passed_one_counts_for_another_run_until_the_settings_change(ready: Site) -> None:
    assert last(ready) is None
    ready.run("rehearsal")
    ready.wave["mode"] = "real"

    kept = last(ready)
    assert kept is not None
    assert kept.at is not None
    assert kept.settings == kept.now

    ready.wave["machines"][0]["approval"] = {}
    assert last(ready) == kept, "who says yes is nothing that was rehearsed"
    ready.wave["mappings"]["storage"] = {"default": "fast"}
    changed = last(ready)
    assert changed is not None
    assert changed.settings != changed.now


def test_one_before_the_machine_gained_a_disk_does_not_count(ready: Site) -> None:
    ready.run("rehearsal")
    before = ready.source.known["web"]
    ready.source.change("web", disks=(*before.disks, replace(before.disks[0], name="vdc")))
    grown = last(ready)
    assert grown is not None
    assert grown.settings != grown.now
    ready.source.change("web", disks=(replace(before.disks[0], size=before.disks[0].size * 2), *before.disks[1:]))
    larger = last(ready)
    assert larger is not None
    assert larger.settings != larger.now
    ready.source.change("web", disks=tuple(replace(disk, allocated=1) for disk in before.disks))
    used = last(ready)
    assert used is not None
    assert used.settings == used.now, "a guest that goes on working is the same machine"


@pytest.mark.parametrize("text", ["{", "[]", '{"wave": "unit", "run": "none", "machine": "web"}'])
def test_records_that_cannot_be_read_are_no_rehearsal(ready: Site, text: str) -> None:
    ready.run("rehearsal")
    (known,) = (store(ready) / rehearsed.FOLDER).glob("*.json")
    known.write_text(text)

    found = last(ready)

    assert found is not None
    assert found.at is None


def test_the_wave_that_asks_for_one_is_stopped_without_it(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STAGES, "rehearsal", rehearsal.run)
    site.wave |= {"mode": "rehearsal", "rehearsal": {"required": "7 days"}}
    for stage in ("inventory", "preflight", "backup", "rehearsal"):
        site.run(stage)
    site.wave["mode"], site.name = "real", "run-2"
    site.run("inventory")
    site.run("preflight")

    site.wave["mappings"]["networks"] = {"production": "isolated"}
    with pytest.raises(OperatorNeededError, match=r"rehearsal\.missing.*with other hosts, mappings, disks or checks"):
        site.run("preflight")

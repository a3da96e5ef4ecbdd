"""The backup is proven by booting it: made under another name, asked, removed; killed anywhere, nothing stays."""

from pathlib import Path

import pytest
from fake_host import Killed, Killer

from conftest import STAGES, Site
from drover.errors import OperatorNeededError, RetryableError
from drover.migration import restore_test
from drover.migration.claims import Claim
from drover.model import PowerState
from drover.waves.schema import Wave

NAME = "web-drover-restored"


@pytest.fixture
def tested(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """The wave asks for a restore test of every backup, and the backup is made."""
    site.wave["backup"]["restore_test"] = "all"
    monkeypatch.setitem(STAGES, "restore-test", restore_test.run)
    site.run_until("transfer")
    return site


def marks(site: Site) -> list[Claim]:
    return restore_test.left_behind(site.root / "store")


def nothing_left(site: Site) -> bool:
    return not marks(site) and site.target.known == {} and list((site.root / "b").iterdir()) == []


def test_the_backup_boots_away_from_everyone_and_is_removed(tested: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    trial = tested.target.isolated_trial

    def look(name: str, network: str, owner: object) -> object:
        made = tested.target.known[name]
        bytes_ = [Path(disk.path).read_bytes() for disk in made.disks]
        seen.append((name, network, made.state, made.uuid, bytes_))
        return trial(name, network, owner)  # type: ignore[arg-type]

    monkeypatch.setattr(tested.target, "isolated_trial", look)
    facts = tested.run("restore-test")

    source = tested.source.known["web"]
    ((name, network, state, uuid, contents),) = seen
    assert (name, network, state) == (NAME, "isolated", PowerState.OFF)
    assert uuid != source.uuid
    assert contents == [Path(disk.path).read_bytes() for disk in source.disks]
    assert facts["name"] == NAME
    assert facts["checks"] > 0
    assert tested.target.started == [], "a trial is all that it ever does"
    assert nothing_left(tested)
    for stage in ("transfer", "validate", "test", "cutover", "commit"):
        tested.run(stage)
    assert tested.target.state("web") is PowerState.RUNNING


def test_law_3_no_cutover_without_the_test_that_the_wave_asks_for(tested: Site) -> None:
    for stage in ("transfer", "validate", "test"):
        tested.run(stage)
    with pytest.raises(OperatorNeededError, match="its stage 'restore-test' has not passed in this run"):
        tested.run("cutover")
    assert tested.target.state("web") is PowerState.OFF


def test_law_3_another_backup_than_the_one_that_booted_is_not_proven(tested: Site) -> None:
    from drover.backups import seal

    for stage in ("restore-test", "transfer", "validate", "test"):
        tested.run(stage)
    (folder,) = tested.root.glob("backup/unit/run-1/web")
    facts = seal.read(folder)
    assert facts is not None
    seal.write(folder, {key: value for key, value in facts.items() if key != "sha256"} | {"seconds": 1.5})

    with pytest.raises(OperatorNeededError, match="is another one than was proven by booting it"):
        tested.run("cutover")


def test_a_backup_that_does_not_answer_stops_the_machine(tested: Site) -> None:
    tested.wave["machines"][0]["checks"] = [{"http": {"url": "http://192.0.2.1/", "contains": "another"}}]
    tested.wave["machines"][0]["boot_deadline"] = "0.1 s"

    with pytest.raises(OperatorNeededError, match="booted on the network 'isolated' but failed"):
        tested.run("restore-test")

    assert nothing_left(tested)
    assert tested.source.state("web") is PowerState.RUNNING


def test_killed_anywhere_the_rollback_removes_what_was_made(tested: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    killer = Killer()
    tested.source.killer = tested.target.killer = killer
    for at in range(1, 60, 2):
        killer.seen, killer.at = 0, at
        with monkeypatch.context() as dead:
            # What a killed process would have done on its way out, it does not do.
            dead.setattr(restore_test, "clean_up", lambda _move: None)
            try:
                tested.run("restore-test")
                break
            except Killed:
                pass
        killer.at = 0
        if at % 4 == 1:
            assert "nothing" in tested.roll_back()
        else:
            tested.run("restore-test")
        assert nothing_left(tested), at
    else:
        pytest.fail("it never came to its end")
    assert at > 5


def test_a_target_that_is_away_leaves_the_mark_to_the_sweep(tested: Site) -> None:
    tested.target.break_at("remove", RetryableError("The host is away.", remedy="Wait."))
    with pytest.raises(RetryableError, match="The host is away"):
        tested.run("restore-test")
    assert [(mark.run, mark.machine) for mark in marks(tested)] == [("run-1", "web")]

    tested.target.gone = True
    assert "nothing" in tested.roll_back(), "it does not keep the source from anything"
    assert len(marks(tested)) == 1
    tested.target.gone = False
    tested.roll_back()
    assert nothing_left(tested)


def test_another_runs_leftover_is_waited_for(tested: Site) -> None:
    tested.target.break_at("remove", RetryableError("The host is away.", remedy="Wait."))
    with pytest.raises(RetryableError):
        tested.run("restore-test")
    tested.name = "run-2"
    for stage in ("inventory", "backup"):
        tested.run(stage)

    with pytest.raises(RetryableError, match="in run run-1 of wave 'unit' made is still at its target"):
        tested.run("restore-test")


def sampled(count: int, run: str) -> list[int]:
    machines = [{"name": f"m{number}", "strategy": "cold"} for number in range(count)]
    wave = Wave.model_validate(
        {
            "wave": "w",
            "source": "a",
            "target": "b",
            "mappings": {"test_network": "isolated"},
            "backup": {"folder": "/b", "restore_test": "sample"},
            "machines": machines,
        }
    )
    return [number for number, plan in enumerate(wave.machines) if restore_test.asked(wave, plan, run)]


def test_a_sample_is_every_fifth_and_at_least_one_and_always_the_same() -> None:
    for count in (1, 2, 4, 5, 11, 20):
        for run in ("r1", "r2", "r3"):
            chosen = sampled(count, run)
            assert len(chosen) in (max(1, count // 5), -(-count // 5))
            assert chosen == sampled(count, run)
    assert len({tuple(sampled(5, f"r{number}")) for number in range(40)}) == 5, "each has its turn"


def test_who_is_not_in_the_sample_says_so_and_goes_on(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STAGES, "restore-test", restore_test.run)
    site.wave["backup"]["restore_test"] = "sample"
    site.wave["machines"] += [{"name": f"m{number}", "strategy": "cold"} for number in range(4)]
    site.name = next(run for run in map(str, range(99)) if not _is_asked(site, run))
    site.run_until("transfer")

    assert site.run("restore-test")["skipped"] == "this machine is not in this run's sample"
    assert site.target.calls.count("define") == 0
    for stage in ("transfer", "validate", "test", "cutover"):
        site.run(stage)


def _is_asked(site: Site, run: str) -> bool:
    wave = Wave.model_validate(site.wave)
    return restore_test.asked(wave, wave.machines[0], run)


def test_long_names_stay_short_and_different() -> None:
    names = {restore_test.short(f"{'a' * 100}{number}") for number in range(3)}
    assert len(names) == 3
    assert max(map(len, names)) <= 66

"""A wave is run anew for those that it could not move: what it has moved is left alone, and nothing else is."""

from dataclasses import replace

import pytest
from outcomes import OFF, RUNNING

from conftest import STAGES, Site
from drover.errors import BadInputError, OperatorNeededError
from drover.evidence.store import RunStore
from drover.migration import returning
from drover.migration.earlier import MOVED_BY
from drover.migration.outcome import outcomes
from drover.migration.state import State, standings
from drover.migration.telling import sentences
from drover.migration.together import to_take_back
from drover.waves.schema import Wave


@pytest.fixture
def anew(site: Site) -> Site:
    """The next run of a wave that has moved its machine."""
    return moved(site)


def moved(site: Site) -> Site:
    for stage in STAGES:
        site.run(stage)
    return replace(site, name="run-2")


def test_what_was_moved_is_left_alone(anew: Site) -> None:
    before = (anew.source.known["web"], anew.target.known["web"])

    assert anew.run("inventory") == {MOVED_BY: "run-1"}

    assert (anew.source.known["web"], anew.target.known["web"]) == before
    assert (anew.source.state("web"), anew.target.state("web")) == (OFF, RUNNING)
    wave, run = Wave.model_validate(anew.wave), RunStore(anew.root / "store", "unit", "run-2")
    found = outcomes(wave, run)
    assert found == {"web": {"state": "moved earlier", "run": "run-1"}}
    assert list(sentences(wave, run, found)) == ["web: was moved to b in run run-1 of this wave, and was left alone."]
    assert [one.state for one in standings(wave, run)] == [State.MOVED_EARLIER]


def test_where_all_come_back_what_an_earlier_run_moved_is_no_reason_and_does_not(anew: Site) -> None:
    anew.wave["machines"].append({"name": "db", "strategy": "cold"})
    wave, run = Wave.model_validate(anew.wave), RunStore(anew.root / "store", "unit", "run-2")
    anew.run("inventory")
    run.machine("db").record("commit", "passed", {})
    assert to_take_back(wave, run)[0] == []


def test_a_machine_that_the_platform_took_along_is_left_alone(along: Site) -> None:
    anew = moved(along)
    assert "web" not in anew.source.known
    assert anew.run("inventory") == {MOVED_BY: "run-1"}


def test_a_machine_whose_source_was_removed_is_left_alone(anew: Site) -> None:
    del anew.source.known["web"]
    assert anew.run("inventory") == {MOVED_BY: "run-1"}


def test_a_source_that_was_left_behind_and_no_machine_at_the_target_is_for_a_person(anew: Site) -> None:
    del anew.target.known["web"]
    with pytest.raises(OperatorNeededError, match="was migrated by wave 'unit' in run run-1"):
        anew.run("inventory")


def test_a_machine_of_that_name_that_nobody_moved_there_is_for_a_person(anew: Site) -> None:
    anew.target.change("web", ownership=None)
    with pytest.raises(OperatorNeededError, match="was migrated by wave 'unit' in run run-1"):
        anew.run("inventory")


def test_what_another_wave_moved_is_for_a_person(anew: Site) -> None:
    anew.wave["wave"] = "other"
    with pytest.raises(OperatorNeededError, match="was migrated by wave 'unit' in run run-1"):
        anew.run("inventory")


def test_a_new_machine_of_that_name_at_the_source_is_not_taken_for_the_one_that_was_moved(anew: Site) -> None:
    del anew.source.known["web"]
    anew.source.add("web", {"vda": b"0" * 65536})
    assert anew.run("inventory")["state"] == "running"


def test_the_same_run_does_not_begin_again_with_what_it_has_moved(site: Site) -> None:
    moved(site)
    with pytest.raises(OperatorNeededError, match="was migrated by wave 'unit' in run run-1"):
        site.run("inventory")


def test_what_was_taken_back_is_moved_again(site: Site) -> None:
    anew = moved(site)
    with site.move() as move:
        returning.begin(move)
    site.roll_back()
    assert anew.run("inventory")["state"] == "running"


def test_a_machine_that_is_nowhere_is_told(anew: Site) -> None:
    anew.source.known.clear()
    anew.target.known.clear()
    with pytest.raises(BadInputError, match="There is no machine 'web' on a"):
        anew.run("inventory")

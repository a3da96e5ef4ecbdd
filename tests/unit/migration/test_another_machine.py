"""Between two steps of a run somebody gives the machine's name to another one: that one is left alone."""

import dataclasses

import pytest
from fake_host import FakeHost
from outcomes import OFF, RUNNING

from conftest import STAGES, Site
from drover.errors import OperatorNeededError
from drover.migration import returning
from drover.model import PowerState, VirtualMachine

OTHER = "99999999-0000-4000-8000-000000000001"


@pytest.mark.parametrize("stage", ["backup", "transfer"])
def test_a_machine_that_got_the_name_meanwhile_is_left_alone(site: Site, stage: str) -> None:
    site.run_until(stage)
    before = site.source.known["web"].uuid
    site.source.change("web", uuid=OTHER)

    with pytest.raises(OperatorNeededError) as told:
        site.run(stage)

    assert told.value.message == (
        "The machine named 'web' at the source is another one than when the run began: its UUID is "
        f"{OTHER}, and it was {before}."
    )
    assert site.source.state("web") is RUNNING
    assert "web" not in site.target.known


def replaced(host: FakeHost, state: PowerState = OFF) -> VirtualMachine:
    """Somebody renames the machine, and makes another one of its name, without any tag of ours."""
    before = host.known["web"]
    host.known["web-old"] = dataclasses.replace(before, name="web-old")
    host.change("web", uuid=OTHER, ownership=None, state=state, autostart=False)
    return host.known["web"]


@pytest.mark.parametrize(("stage", "state"), [("validate", OFF), ("validate", RUNNING), ("commit", OFF)])
def test_a_rollback_starts_no_other_machine_of_that_name(site: Site, stage: str, state: PowerState) -> None:
    site.run_until(stage)
    other, there = replaced(site.source, state), site.target.known["web"]
    site.source.calls.clear()

    with pytest.raises(OperatorNeededError) as told:
        site.roll_back()

    assert told.value.message.startswith(
        f"The machine named 'web' at the source is another one than when the run began: its UUID is {OTHER}"
    )
    assert told.value.message.endswith("That one is called 'web-old' there by now, and is off.")
    # Neither end was touched: what runs at the target may be all that there is.
    assert site.source.known["web"] == other
    assert set(site.source.calls) <= {"find", "machines"}
    assert site.target.known["web"] == there

    site.source.known["web"] = dataclasses.replace(site.source.known.pop("web-old"), name="web")
    site.roll_back()
    assert site.source.state("web") is RUNNING


def test_a_rollback_says_under_which_name_it_found_the_machine(site: Site) -> None:
    site.run_until("commit")
    site.source.known["web-old"] = dataclasses.replace(site.source.known.pop("web"), name="web-old")

    with pytest.raises(OperatorNeededError) as told:
        site.roll_back()

    assert told.value.message == "Machine 'web' is called 'web-old' at the source by now, and is off."
    assert site.target.state("web") is RUNNING


def test_a_rollback_says_that_the_machine_is_gone(site: Site) -> None:
    site.run_until("commit")
    del site.source.known["web"]

    with pytest.raises(OperatorNeededError, match=r"^Machine 'web' is not at the source any more\."):
        site.roll_back()

    assert site.target.state("web") is RUNNING


@pytest.mark.parametrize("stage", ["validate", "cutover", "commit"])
def test_nothing_goes_on_beside_another_machine_of_that_name(site: Site, stage: str) -> None:
    """It is off, and so nothing but its UUID tells that the one of this run may run under another name."""
    site.run_until(stage)
    other = replaced(site.source)
    site.source.change("web-old", state=RUNNING)
    before = site.target.known["web"]
    site.source.calls.clear()

    with pytest.raises(OperatorNeededError, match="is another one than when the run began"):
        site.run(stage)

    assert site.source.known["web"] == other
    assert set(site.source.calls) <= {"find", "machines"}
    assert site.target.known["web"] == before


def test_a_live_move_of_another_machine_is_not_ended(site: Site) -> None:
    site.wave["machines"][0] |= {"strategy": "live"}
    site.run_until("validate")
    replaced(site.source, RUNNING)
    site.source.calls.clear()

    with pytest.raises(OperatorNeededError, match="is another one than when the run began"):
        site.roll_back()

    assert "cancel_live" not in site.source.calls
    assert "release_disks" not in site.source.calls


def test_a_machine_taken_along_is_not_mistaken_for_another_at_the_source(along: Site) -> None:
    """The platform took it away, and somebody made another one of its name there."""
    along.run_until("validate")
    along.source.add("web", {"vda": bytes(1 << 20)}, RUNNING)
    along.source.change("web", uuid=OTHER)
    before = along.source.known["web"]
    along.source.calls.clear()

    with pytest.raises(OperatorNeededError, match="is another one than when the run began"):
        along.roll_back()

    assert along.source.known["web"] == before
    assert not {"cancel_live", "release_disks", "power_on", "tag"} & set(along.source.calls)
    assert "start_live" not in along.target.calls
    assert along.target.state("web") is RUNNING


def test_a_target_that_runs_under_another_name_keeps_the_source_off(site: Site) -> None:
    """Law: never two. A stranger has its name there, and is off."""
    site.run_until("commit")
    replaced(site.target)

    with pytest.raises(OperatorNeededError, match="'web' is called 'web-old' at the target by now, and is running"):
        site.roll_back()

    assert site.source.state("web") is OFF
    site.target.change("web-old", state=OFF)
    site.roll_back()
    assert site.source.state("web") is RUNNING


def test_what_was_committed_is_not_taken_back_to_another_machine(site: Site) -> None:
    for stage in STAGES:
        site.run(stage)
    tag = site.source.known["web"].ownership
    other = replaced(site.source)
    # Also a copy, which has the tag of the one that it was made of.
    site.source.change("web", ownership=tag)
    with site.move() as move:
        returning.begin(move)

    with pytest.raises(OperatorNeededError, match="at the source is not what run run-1 left there"):
        site.roll_back()

    assert site.source.known["web"] == dataclasses.replace(other, ownership=tag)
    assert site.target.state("web") is RUNNING

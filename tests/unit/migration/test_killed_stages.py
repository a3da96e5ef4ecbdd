"""Killed at any point: never two, and the data whole, whichever way it goes on."""

import itertools

import pytest
from fake_host import Killed
from outcomes import OFF, RUNNING, same_bytes

from conftest import STAGES, Site


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

"""The report says in sentences what became of each machine, and after a rehearsal what the real wave will do."""

from typing import Any

import pytest

from conftest import STAGES, Site
from drover.evidence.store import RunStore
from drover.migration import rehearsal, telling
from drover.migration.outcome import outcomes
from drover.waves.schema import Wave


def told(site: Site) -> list[str]:
    wave = Wave.model_validate(site.wave)
    run = RunStore(site.root / "store", "unit", site.name)
    return list(telling.sentences(wave, run, outcomes(wave, run)))


@pytest.fixture
def rehearsed(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    site.wave["mode"] = "rehearsal"
    monkeypatch.setitem(STAGES, "rehearsal", rehearsal.run)
    for stage in ("inventory", "preflight", "backup", "rehearsal"):
        site.run(stage)
    return site


def test_a_machine_that_was_moved(site: Site) -> None:
    for stage in STAGES:
        site.run(stage)
    (sentence,) = told(site)
    assert sentence.startswith("web: moved to b (cold), 6.0 MiB in ")
    assert "checks passed; its users missed it for " in sentence


def test_machines_that_were_not_moved_say_why(site: Site) -> None:
    site.wave["machines"].append({"name": "db", "strategy": "cold", "after": ["web"]})
    run = RunStore(site.root / "store", "unit", site.name)
    run.machine("web").record("validate", "failed", {"message": "Disk vda differs. Look at its pool."})
    assert told(site) == [
        "web: failed at validate. Disk vda differs. Look at its pool.",
        "db: not begun, because it comes after 'web', which was not moved.",
    ]
    run.machine("web").record("rollback", "passed", {})
    assert told(site)[0] == "web: runs at a again. Disk vda differs. Look at its pool."


def test_a_rehearsal_tells_what_the_wave_will_do_and_how_long(rehearsed: Site) -> None:
    first, *will, whole = told(rehearsed)
    assert first.startswith("web: rehearsed as web-drover-restored on the network isolated, ")
    assert first.endswith(" checks passed. In the wave:")
    assert any("they miss it for about" in sentence for sentence in will)
    assert all(sentence.startswith("  ") for sentence in will)
    assert whole.startswith("The whole wave will take about ")
    assert "as measured in earlier runs between these hosts" in whole


def test_with_a_window_it_is_said_whether_the_wave_fits(rehearsed: Site) -> None:
    rehearsed.wave["window"] = {"opens": "22:00", "closes": "05:00", "timezone": "Europe/Berlin"}
    assert told(rehearsed)[-1].startswith("The wave needs ")
    assert "would arrive too late" not in told(rehearsed)[-1]


@pytest.mark.parametrize("more", [{"approval": {}}, {"machines": "approval"}])
def test_a_persons_answer_is_not_in_it(rehearsed: Site, more: dict[str, Any]) -> None:
    if "machines" in more:
        rehearsed.wave["machines"][0]["approval"] = {}
    else:
        rehearsed.wave |= more
    assert "and as long as people need for their answers" in told(rehearsed)[-1]


def test_what_nobody_looked_at_is_not_in_the_time(rehearsed: Site) -> None:
    rehearsed.wave["machines"].append({"name": "db", "strategy": "cold"})
    assert told(rehearsed)[-1] == "Not in that time, because nobody got to look at them: 'db'."

"""The report says in sentences what became of each machine, and after a rehearsal what the real wave will do."""

from typing import Any

import pytest

from conftest import Site
from drover.evidence.store import RunStore
from drover.migration import telling
from drover.migration.outcome import outcomes
from drover.waves.schema import Wave

TRIED = {
    "as": "web-drover-restored",
    "strategy": "cold",
    "network": "isolated",
    "checks": 43,
    "seconds": {"backup": 9.0, "transfer": 7.0, "validate": 60.0, "test": 12.0},
    "will": ["A backup is made and read back; it took 9 s.", "It is started for its users."],
}


def store(site: Site) -> RunStore:
    return RunStore(site.root / "store", "unit", site.name)


def told(site: Site) -> list[str]:
    wave = Wave.model_validate(site.wave)
    return list(telling.sentences(wave, store(site), outcomes(wave, store(site))))


@pytest.fixture
def rehearsed(site: Site) -> Site:
    """As its records say; that a rehearsal records this, its own tests see."""
    site.wave["mode"] = "rehearsal"
    machine = site.source.known["web"]
    with site.move() as move:
        move.remember(machine)
        facts = {"from": "a", "to": "b", "bytes_allocated": 8 << 20, "memory": machine.memory}
        move.store.record("inventory", "passed", facts)
        move.store.record("rehearsal", "passed", TRIED)
    return site


def test_a_machine_that_was_moved(site: Site) -> None:
    facts = {"bytes_written": 6 << 20, "seconds": 100.0, "checks": 41, "downtime_seconds": 12.3}
    store(site).machine("web").record("commit", "passed", facts)
    assert told(site) == [
        "web: moved to b (cold), 6.0 MiB in 2 min; 41 checks passed; its users missed it for 12 s.",
    ]


def test_machines_that_were_not_moved_say_why(site: Site) -> None:
    site.wave["machines"].append({"name": "db", "strategy": "cold", "after": ["web"]})
    store(site).machine("web").record("validate", "failed", {"message": "Disk vda differs. Look at its pool."})
    assert told(site) == [
        "web: failed at validate. Disk vda differs. Look at its pool.",
        "db: not begun, because it comes after 'web', which was not moved.",
    ]
    store(site).machine("web").record("rollback", "passed", {})
    assert told(site)[0] == "web: runs at a again. Disk vda differs. Look at its pool."


def test_a_rehearsal_tells_what_the_wave_will_do_and_how_long(rehearsed: Site) -> None:
    first, *will, whole = told(rehearsed)
    assert first == "web: rehearsed as web-drover-restored on the network isolated, 43 checks passed. In the wave:"
    assert will == [f"  {sentence}" for sentence in TRIED["will"]]  # type: ignore[attr-defined]
    assert whole.startswith("The whole wave will take about 2 min. That rests on "), (
        "what the rehearsal took, above all"
    )
    assert "as measured in earlier runs between these hosts" in whole


def test_with_a_window_it_is_said_whether_the_wave_fits(rehearsed: Site) -> None:
    rehearsed.wave["window"] = {"opens": "22:00", "closes": "05:00", "timezone": "Europe/Berlin"}
    assert told(rehearsed)[-1].startswith("The wave needs ")
    assert "would arrive too late" not in told(rehearsed)[-1]


@pytest.mark.parametrize("own", [False, True])
def test_a_persons_answer_is_not_in_it(rehearsed: Site, own: bool) -> None:
    of: dict[str, Any] = rehearsed.wave["machines"][0] if own else rehearsed.wave
    of["approval"] = {}
    assert ", and as long as people need for their answers." in told(rehearsed)[-1]


def test_what_nobody_looked_at_is_not_in_the_time(rehearsed: Site) -> None:
    rehearsed.wave["machines"].append({"name": "db", "strategy": "cold"})
    assert told(rehearsed)[-1] == "Not in that time, because nobody got to look at them: 'db'."

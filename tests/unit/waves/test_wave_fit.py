"""What a wave needs against what its window leaves, and which machines fit."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from mistaken import HEAD

from drover.model import Strategy
from drover.waves import fit
from drover.waves.estimate import Load
from drover.waves.loader import parse
from drover.waves.schema import Wave
from drover.waves.speeds import MIB, Known, Speeds

ZONE = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 11, 24, 12, tzinfo=ZONE).timestamp()
NIGHT = datetime(2026, 11, 24, 23, tzinfo=ZONE).timestamp()
GIB = 1024 * MIB
# An hour for each copy of 360 GiB and as long for its read-back, and nothing else.
SLOW = Speeds(copy=102.4 * MIB, read=102.4 * MIB, fixed=dict.fromkeys(("validate", "test", "cutover"), 0.0))
KNOWN = Known({("a", "b", Strategy.COLD): SLOW})
LOADS = {name: Load(360 * GIB, GIB) for name in ("db", "web", "mail")}


def night(closes: str = "05:00", machines: str = "", more: str = "") -> Wave:
    window = f'window: {{opens: "22:00", closes: "{closes}", timezone: Europe/Berlin}}\n{more}machines:'
    chain = "  - {name: db, strategy: cold}\n  - {name: web, strategy: cold, after: [db]}\n"
    return parse(HEAD.replace("machines:", window) + (machines or chain))


def hours(seconds: float) -> float:
    return round(seconds / 3600, 1)


def test_the_first_backups_may_be_made_before_it_opens():
    """3 h for the first machine's transfer and check, then the second one's whole way: 2 h of backup and 3 h."""
    found = fit.planned(night("06:30"), LOADS, NOON, KNOWN)
    assert found is not None
    assert (hours(found.needed), hours(found.there), hours(found.lead)) == (8.0, 8.5, 2.0)
    assert (found.fits, found.late) == (("db", "web"), ())
    assert "would arrive too late" not in found.words


def test_what_does_not_fit_is_named_with_what_would():
    found = fit.planned(night(), LOADS, NOON, KNOWN)
    assert found is not None
    assert (found.fits, found.late) == (("db",), ("web",))
    assert "needs 8 h" in found.words
    assert "leaves 7 h 00 min, 1 h 00 min too little: what fits is 'db'; 'web' would arrive too late" in found.words
    none = fit.planned(night("23:00"), LOADS, NOON, KNOWN)
    assert none is not None
    assert "no machine of it fits" in none.words


def test_inside_an_opening_a_plan_is_for_the_next_one():
    found = fit.planned(night(), LOADS, NIGHT, KNOWN)
    assert found is not None
    assert found.opens.startswith("Wed 25 Nov 2026 22:00")


def test_what_is_left_is_held_against_what_is_left():
    behind = {"db": frozenset({"inventory", "preflight", "backup", "transfer"})}
    found = fit.renewed(night(), LOADS, NIGHT, KNOWN, behind)
    assert found is not None
    assert hours(found.there) == 6.0
    assert hours(found.needed) == 6.0, "an hour of validation, then the other's five"
    early = fit.renewed(night(), LOADS, NOON, KNOWN, {})
    assert early is not None
    assert hours(early.there) == 7.0, "before it opens, all of it is there"


def test_the_machine_whose_turn_it_is_is_not_held_up_by_others():
    three = "".join(f"  - {{name: {name}, strategy: cold}}\n" for name in LOADS)
    wave = night("04:00", three, "limits: {link: 1}\n")
    for name in LOADS:
        done = {each: frozenset({"inventory", "preflight", "backup"}) for each in LOADS}
        found = fit.renewed(wave, LOADS, NIGHT, KNOWN, done, first=name)
        assert found is not None
        assert name in found.fits
        assert found.late


def test_a_wave_without_a_window_is_not_asked():
    wave = parse(HEAD + "  - {name: db, strategy: cold}\n")
    assert fit.planned(wave, LOADS, NOON) is None
    assert fit.renewed(wave, LOADS, NOON, KNOWN, {}) is None
    rehearsal = night().model_copy(update={"mode": "rehearsal"})
    assert fit.planned(rehearsal, LOADS, NOON) is None, "in a rehearsal no machine goes down"


def test_a_night_on_which_the_clocks_go_forward_is_shorter():
    before = datetime(2026, 3, 28, 12, tzinfo=ZONE).timestamp()
    found = fit.planned(night(), LOADS, before, KNOWN)
    assert found is not None
    assert found.there == pytest.approx(6 * 3600)

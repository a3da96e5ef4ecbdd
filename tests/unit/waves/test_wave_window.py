"""When a window is open, by the clocks of its own zone, also on the days on which these are changed."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from mistaken import HEAD, MACHINE, only

from drover.waves.loader import parse
from drover.waves.window import Window, opening, said

BERLIN = ZoneInfo("Europe/Berlin")


def window(opens: str = "22:00", closes: str = "05:00", zone: str = "Europe/Berlin", **more) -> Window:
    return Window(opens=opens, closes=closes, timezone=zone, **more)


def at(text: str) -> float:
    """A moment in Berlin."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp()


def hours(found) -> float:
    return found.seconds / 3600


def test_open_over_midnight_and_the_next_one_after_it():
    night = opening(window(), at("2026-11-24 01:00"))
    assert (night.opens, night.closes) == (at("2026-11-23 22:00"), at("2026-11-24 05:00"))
    assert night.holds(at("2026-11-24 04:59"))
    assert not night.holds(night.closes), "what closes at five is closed at five"
    assert opening(window(), night.closes).opens == at("2026-11-24 22:00")


def test_within_one_day():
    noon = opening(window("09:00", "17:30"), at("2026-11-24 18:00"))
    assert (noon.opens, noon.closes) == (at("2026-11-25 09:00"), at("2026-11-25 17:30"))


def test_days_are_those_on_which_it_opens():
    weekdays = window(days=("mon", "fri"))
    assert opening(weekdays, at("2026-11-28 01:00")).opens == at("2026-11-27 22:00"), "Friday's night goes on"
    assert opening(weekdays, at("2026-11-28 05:00")).opens == at("2026-11-30 22:00"), "then comes Monday's"


@pytest.mark.parametrize(("day", "length"), [("2026-03-28", 6), ("2026-10-24", 8), ("2026-11-24", 7)])
def test_a_night_with_a_change_of_clocks_is_as_long_as_it_is(day: str, length: int):
    assert hours(opening(window(), at(f"{day} 23:00"))) == length


def test_an_hour_that_is_skipped_or_repeated_is_read_cautiously():
    """02:00 to 03:00 is skipped on 29 March and comes twice on 25 October."""
    spring, autumn = at("2026-03-29 00:00"), at("2026-10-25 00:00")
    assert hours(opening(window("02:30", "06:00"), spring)) == pytest.approx(2.5), "from 03:30, the later reading"
    assert hours(opening(window("23:00", "02:30"), spring)) == pytest.approx(2.5), "to 01:30, the earlier reading"
    assert hours(opening(window("02:30", "06:00"), autumn)) == pytest.approx(3.5), "from the second 02:30 on"
    assert hours(opening(window("23:00", "02:30"), autumn)) == pytest.approx(3.5), "until the first 02:30"


def test_a_window_of_which_a_change_of_clocks_leaves_nothing_is_closed_that_day():
    short = window("02:15", "02:45", days=("sun",))
    assert opening(short, at("2026-03-28 12:00")).opens == at("2026-04-05 02:15")
    assert opening(short, at("2026-10-24 12:00")).opens == at("2026-11-01 02:15")


def test_a_moment_is_said_in_the_windows_own_time():
    assert said(window(), at("2026-11-24 22:00")) == "Tue 24 Nov 2026 22:00 CET"


# Mistakes in the file


def with_window(text: str) -> str:
    return HEAD.replace("machines:", f"window: {text}\nmachines:") + MACHINE


def test_a_window_in_a_file():
    found = parse(with_window('{opens: "22:00", closes: "05:00", timezone: Europe/Berlin}')).window
    assert found == window()


@pytest.mark.parametrize(
    ("text", "place", "problem", "expected"),
    [
        ('{opens: "22:00", closes: "22:00", timezone: UTC}', "window.closes", "closes when it opens", "another time"),
        ('{opens: "22:00", closes: "05:00", timezone: Europe/Berlim}', "window.timezone", "no time zone", "Berlin"),
        ('{opens: "22:00", closes: "05:00", timezone: /etc}', "window.timezone", "no time zone", "such as"),
        ('{opens: "22:00", closes: "05:00"}', "window.timezone", "missing", "Whose clocks"),
        ('{opens: "24:00", closes: "05:00", timezone: UTC}', "window.opens", "no time of day", "22:00"),
        ('{opens: "22:00", closes: "05:00", timezone: UTC, days: []}', "window.days", "empty", "every day"),
        ('{opens: "22:00", closes: "05:00", timezone: UTC, days: [mo]}', "window.days[0]", "does not fit", "mon"),
        ('{opens: "22:00", closes: "05:00", timezone: UTC, days: [mon, mon]}', "window.days[1]", "twice", "once"),
        ('{opens: "22:00", closes: "05:00", timezone: UTC, until: x}', "window.until", "not known", "closes"),
    ],
)
def test_mistakes_are_told_with_their_line(text: str, place: str, problem: str, expected: str):
    found = only(with_window(text))
    line = 1 + with_window(text)[: with_window(text).index("window:")].count("\n")
    assert (found.line, found.place) == (line, place)
    assert problem in found.problem
    assert expected in found.expected


def test_limits_in_a_file():
    text = HEAD.replace("machines:", "limits: {host: 2, link: 4}\nmachines:") + MACHINE
    limits = parse(text).limits
    assert (limits.host, limits.storage, limits.link) == (2, None, 4)
    assert "at least 1" in only(text.replace("host: 2", "host: 0")).expected

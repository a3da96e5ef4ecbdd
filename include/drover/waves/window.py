"""The change window of a wave: when it is open, by the clocks of its own time zone.

An hour that the clocks skip or repeat is read cautiously: the window opens at the later of its two readings and closes
at the earlier one. Where that leaves nothing of it, it stays closed that day.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from difflib import get_close_matches
from typing import Annotated, Literal, get_args
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, StringConstraints

from drover.waves.parts import Part, told

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = get_args(Day)

# Beyond any week: a change of the clocks may leave nothing of a window that opens once in a week.
_LOOK_AHEAD = 22
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


def _time_problem(text: str) -> str | None:
    good = _TIME.fullmatch(text)
    return None if good else f"'{text}' is no time of day: expected hours and minutes, as in \"22:00\""


def zone_problem(name: str) -> str | None:
    """Why there is no such time zone, in words; None where there is."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        close = get_close_matches(name, sorted(available_timezones()), n=1)
        hint = f"'{close[0]}'?" if close else "a name such as 'Europe/Berlin'"
        return f"there is no time zone '{name}': expected {hint}"
    return None


TimeOfDay = Annotated[str, StringConstraints(max_length=20), told(_time_problem)]


class Window(Part):
    """When the wave's machines may go down."""

    opens: TimeOfDay = Field(description='When it opens, as in "22:00".')
    closes: TimeOfDay = Field(description="When it closes; the next day where this is before it opens.")
    days: Annotated[tuple[Day, ...], Field(min_length=1)] = Field(
        default=DAYS, description="Days on which it opens; every day where not given."
    )
    timezone: Annotated[str, StringConstraints(min_length=1, max_length=100), told(zone_problem)] = Field(
        description="Whose clocks: a name such as Europe/Berlin."
    )


@dataclass(frozen=True, slots=True)
class Opening:
    """One time that a window is open. Seconds since the epoch."""

    opens: float
    closes: float

    @property
    def seconds(self) -> float:
        return self.closes - self.opens

    def holds(self, moment: float) -> bool:
        return self.opens <= moment < self.closes


def opening(window: Window, now: float) -> Opening:
    """The opening that `now` lies in, or the next one."""
    zone = ZoneInfo(window.timezone)
    today = datetime.fromtimestamp(now, zone).date()
    for offset in range(-1, _LOOK_AHEAD):
        day = today + timedelta(days=offset)
        if DAYS[day.weekday()] in window.days:
            found = _of_day(window, day, zone)
            if found.seconds > 0 and found.closes > now:
                return found
    raise AssertionError(f"a window that never opens: {window}")  # its rules leave no such window


def said(window: Window, moment: float) -> str:
    """A moment in the window's own time: `Tue 24 Nov 2026 22:00 CET`."""
    return f"{datetime.fromtimestamp(moment, ZoneInfo(window.timezone)):%a %d %b %Y %H:%M %Z}"


def _of_day(window: Window, day: date, zone: ZoneInfo) -> Opening:
    closing = day + timedelta(days=1 if window.closes <= window.opens else 0)
    return Opening(max(_readings(day, window.opens, zone)), min(_readings(closing, window.closes, zone)))


def _readings(day: date, clock: str, zone: ZoneInfo) -> tuple[float, float]:
    """What a time can mean on this day: two moments where the clocks skip or repeat it, else the same one twice."""
    local = datetime.combine(day, time.fromisoformat(clock), zone)
    first, second = (local.replace(fold=fold).astimezone(UTC).timestamp() for fold in (0, 1))
    return first, second

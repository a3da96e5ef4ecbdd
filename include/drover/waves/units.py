"""Amounts as people write them in a wave file: always with a unit, because a bare number is a guess.

Bandwidth becomes bytes a second, a duration becomes seconds.
"""

import re
from collections.abc import Mapping
from decimal import Decimal

BANDWIDTH_UNITS: Mapping[str, Decimal] = {
    "bit/s": Decimal(1) / 8,
    "kbit/s": Decimal(10**3) / 8,
    "Mbit/s": Decimal(10**6) / 8,
    "Gbit/s": Decimal(10**9) / 8,
    "B/s": Decimal(1),
    "kB/s": Decimal(10**3),
    "MB/s": Decimal(10**6),
    "GB/s": Decimal(10**9),
    "KiB/s": Decimal(2**10),
    "MiB/s": Decimal(2**20),
    "GiB/s": Decimal(2**30),
}
DURATION_UNITS: Mapping[str, Decimal] = {"s": Decimal(1), "min": Decimal(60), "h": Decimal(3600)}

# How long something is kept, or stays good.
PERIOD_UNITS: Mapping[str, Decimal] = {**DURATION_UNITS, "day": Decimal(86400), "days": Decimal(86400)}

# Slower than this is a slip of the pen: a gigabyte would take more than a day.
SLOWEST_BANDWIDTH = 1000
LONGEST_DURATION = 7 * 24 * 3600
LONGEST_PERIOD_DAYS = 36500

MOST_PERCENT = 1000

_PERCENT = re.compile(r"([0-9]{1,4}(?:\.[0-9]{1,3})?) ?%")
_AMOUNT = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?) ?([A-Za-z/]+)")


def parse_bandwidth(text: str) -> int:
    """Bytes a second. :raises ValueError: in words that name the allowed units."""
    rate = int(_parse(text, BANDWIDTH_UNITS, "a bandwidth", "400 Mbit/s"))
    if rate < SLOWEST_BANDWIDTH:
        raise ValueError(f"'{text}' is less than {SLOWEST_BANDWIDTH} bytes a second: nothing would ever arrive")
    return rate


def parse_duration(text: str) -> float:
    """Seconds. :raises ValueError: in words that name the allowed units."""
    seconds = float(_parse(text, DURATION_UNITS, "a duration", "60 s"))
    if not 0 < seconds <= LONGEST_DURATION:
        raise ValueError(f"'{text}' is not between 0 and {LONGEST_DURATION // 3600} h")
    return seconds


def parse_period(text: str) -> float:
    """Seconds. :raises ValueError: in words that name the allowed units."""
    seconds = float(_parse(text, PERIOD_UNITS, "a period", "30 days"))
    if not 0 < seconds <= LONGEST_PERIOD_DAYS * 86400:
        raise ValueError(f"'{text}' is not between 0 and {LONGEST_PERIOD_DAYS} days")
    return seconds


def parse_percent(text: str) -> float:
    """Per cent, 25.0 for `25 %`. :raises ValueError: in words."""
    match = _PERCENT.fullmatch(text)
    if match is None or not 0 < float(match[1]) <= MOST_PERCENT:
        raise ValueError(f"'{text}' is no share: expected up to {MOST_PERCENT} per cent, as in '25 %'")
    return float(match[1])


def format_percent(share: float) -> str:
    """The same amount in words that `parse_percent` reads back unchanged."""
    return f"{Decimal(repr(share)):f} %"


def format_bandwidth(rate: int) -> str:
    """The same amount in words that `parse_bandwidth` reads back unchanged."""
    return f"{rate} B/s"


def format_duration(seconds: float) -> str:
    """The same amount in words that `parse_duration` reads back unchanged."""
    return f"{Decimal(repr(seconds)):f} s"


def pattern(units: Mapping[str, Decimal]) -> str:
    """What an editor may check with: a regular expression for JSON schema."""
    return rf"^[0-9]+(\.[0-9]+)? ?({'|'.join(re.escape(unit) for unit in units)})$"


def _parse(text: str, units: Mapping[str, Decimal], what: str, example: str) -> Decimal:
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise ValueError(f"'{text}' is not {what}: expected a number and one of {_list(units)}, as in '{example}'")
    number, unit = match.groups()
    if unit not in units:
        raise ValueError(f"'{unit}' is not a unit of {what}: expected one of {_list(units)}, as in '{example}'")
    return Decimal(number) * units[unit]


def _list(units: Mapping[str, Decimal]) -> str:
    return ", ".join(units)

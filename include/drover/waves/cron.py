"""A first look at a cron expression, so that a slip is told with its line and not by a DAG that fails to load."""

import re

PRESETS = ("@once", "@continuous", "@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly")

_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7))
_NAMES = {
    "month": ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    "weekday": ["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
}
_PART = re.compile(r"(?:\*|(\w+)(?:-(\w+))?)(?:/([0-9]{1,3}))?")


def problem(text: str) -> str | None:
    """What is wrong with the expression, in words; None where nothing is."""
    if text.startswith("@"):
        return None if text in PRESETS else f"'{text}' is not a schedule: expected one of {', '.join(PRESETS)}"
    fields = text.split()
    if len(fields) != len(_FIELDS):
        return f"'{text}' has {len(fields)} fields: expected minute, hour, day, month and weekday, as in '30 22 * * 6'"
    for value, (name, low, high) in zip(fields, _FIELDS, strict=True):
        if not all(_fits(part, name, low, high) for part in value.split(",")):
            return f"'{value}' is not a {name}: expected {low} to {high}, with '*', '-', ',' and '/' as cron has them"
    return None


def _fits(part: str, name: str, low: int, high: int) -> bool:
    match = _PART.fullmatch(part)
    if match is None or match[3] == "0":
        return False
    bounds = [_number(word, name, low) for word in (match[1], match[2]) if word is not None]
    return all(bound is not None and low <= bound <= high for bound in bounds) and bounds == sorted(
        bounds, key=lambda bound: -1 if bound is None else bound
    )


def _number(word: str, name: str, low: int) -> int | None:
    if word.isascii() and word.isdigit():
        return int(word)
    names = _NAMES.get(name, [])
    return names.index(word.lower()) + low if word.lower() in names else None

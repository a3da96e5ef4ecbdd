"""Numbers, amounts and yes-or-no as spreadsheets of any country have them. What can be read in two ways is refused."""

import re
from collections.abc import Mapping
from decimal import Decimal

SIZE_UNITS: Mapping[str, int] = {
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "tib": 2**40,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
}
_LISTED = "KiB, MiB, GiB, TiB, kB, MB, GB, TB"
_SPACES = " \u00a0\u2009\u202f"
_PLAIN = re.compile(r"([0-9]+)(?:[.,]([0-9]+))?")
_GROUPED = re.compile(rf"([0-9]{{1,3}})([{_SPACES}'’.,])([0-9]{{3}}(?:\2[0-9]{{3}})*)(?:[.,]([0-9]+))?")
_SIZE = re.compile(rf"(.*?)[{_SPACES}]*([kKmMgGtT]i?[bB])")
_TRUE = frozenset(("true", "yes", "1", "wahr", "ja", "vrai", "oui", "x"))
_FALSE = frozenset(("false", "no", "0", "falsch", "nein", "faux", "non", ""))


def number(text: str, *, whole: bool = False) -> Decimal:
    """:param whole: no fractions can be meant, so `1.024` is a thousand. :raises ValueError: in words."""
    text = text.strip()
    grouped = _GROUPED.fullmatch(text)
    if grouped is None:
        plain = _PLAIN.fullmatch(text)
        if plain is None:
            raise ValueError(f"'{text}' is no number")
        return Decimal(f"{plain[1]}.{plain[2] or 0}")
    first, mark, rest, fraction = grouped.groups()
    groups = rest.split(mark)
    if mark in ".," and len(groups) == 1 and fraction is None and not whole and first != "0":
        raise ValueError(f"'{text}' may be {first}{rest} or {first}.{rest}: leave out the thousands separator")
    if mark in ".," and len(groups) == 1 and fraction is None and first == "0":
        return Decimal(f"0.{rest}")
    return Decimal(f"{first}{''.join(groups)}.{fraction or 0}")


def size(text: str, unit: str | None = None) -> int:
    """Bytes. :param unit: where the column's head names it. :raises ValueError: in words."""
    match = _SIZE.fullmatch(text.strip())
    if match is not None:
        text, unit = match.groups()
    if unit is None:
        raise ValueError(f"'{text}' has no unit: expected one of {_LISTED}, here or in the column's head")
    return int(number(text) * SIZE_UNITS[unit.lower()])


def flag(text: str) -> bool:
    """:raises ValueError: in words."""
    word = text.strip().casefold()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError(f"'{text}' is neither true nor false")


def shown(count: float) -> str:
    """Bytes for a reader."""
    from drover.concerns.finding import size as words

    return words(count)

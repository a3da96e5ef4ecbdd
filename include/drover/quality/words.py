"""How failures are put: byte ranges, lists that stop in time, and column pairs that become checks."""

from collections.abc import Callable, Iterable, Sequence

from drover.quality.runner import Check

SHOWN = 20
Explain = Callable[[], Iterable[str]] | None


def byte_range(offset: int, length: int) -> str:
    """First and last byte, both counted in."""
    return f"bytes {offset} to {offset + length - 1}"


def listed(things: Sequence[str], shown: int = SHOWN) -> str:
    """The first of them, and how many more there are."""
    more = len(things) - shown
    return ", ".join(things[:shown]) + (f" and {more} more" if more > 0 else "")


def pair(left: str, right: str, says: str, explain: Explain = None) -> Check:
    """Two columns are the same in every row; one of them alone being empty is a difference."""
    options = {"column_A": left, "column_B": right, "ignore_row_if": "both_values_are_missing"}
    return Check("ExpectColumnPairValuesToBeEqual", says, options, explain)


def filled(column: str, says: str, explain: Explain = None) -> Check:
    """No row is empty in this column."""
    return Check("ExpectColumnValuesToNotBeNull", says, {"column": column}, explain)


def between(column: str, low: float | None, high: float | None, says: str, explain: Explain = None) -> Check:
    """Every value lies from low to high; None leaves that side open."""
    options = {"column": column, "min_value": low, "max_value": high}
    return Check("ExpectColumnValuesToBeBetween", says, options, explain)


def one_of(column: str, values: Sequence[object], says: str, explain: Explain = None) -> Check:
    """Every value is one of these."""
    return Check("ExpectColumnValuesToBeInSet", says, {"column": column, "value_set": list(values)}, explain)


def some_rows(says: str, explain: Explain = None) -> Check:
    """There is something to check: an empty table would pass every other rule."""
    return Check("ExpectTableRowCountToBeBetween", says, {"min_value": 1}, explain)

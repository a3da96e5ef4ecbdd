"""The performance suite: the machine does at the target what it did at the source, and at no greater cost.

Costs (CPU, memory, how long a request takes) may grow by the tolerance, yields (what goes to and from disks and
network) may shrink by it. Differences too small to matter count as none: an idle machine is never quite as idle again.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from drover.hypervisors.counters import WORDS, Usage
from drover.quality.runner import Check, Table, run
from drover.quality.verdict import Verdict
from drover.quality.words import filled, some_rows

if TYPE_CHECKING:
    from pandas import DataFrame

Show = Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Figure:
    """:param slack: a difference that does not matter, in the figure's own unit."""

    field: str
    slack: float
    show: Show


def _rate(count: float) -> str:
    return f"{count / 1000:.1f} kB/s"


COSTS = (
    Figure("cpu", 0.05, lambda count: f"{count:.2f} CPUs"),
    Figure("memory", 64 * 2**20, lambda count: f"{count / 2**20:.0f} MiB"),
    Figure("read_latency", 0.005, lambda count: f"{count * 1000:.1f} ms"),
    Figure("write_latency", 0.005, lambda count: f"{count * 1000:.1f} ms"),
)
YIELDS = (
    Figure("read_rate", 100_000, _rate),
    Figure("write_rate", 100_000, _rate),
    Figure("reads", 5, lambda count: f"{count:.1f} a second"),
    Figure("writes", 5, lambda count: f"{count:.1f} a second"),
    Figure("receive_rate", 20_000, _rate),
    Figure("send_rate", 20_000, _rate),
)
# Of these None means that there were too few requests to tell, which is no gap in what is known.
_MAY_BE_IDLE = ("read_latency", "write_latency")


def validate(before: Usage, after: Usage, tolerance: float, fields: Collection[str], folder: Path) -> Verdict:
    """:param tolerance: per cent. :param fields: of `Usage`: what both hypervisors tell and mean the same by."""
    costs = _table(before, after, [one for one in COSTS if one.field in fields], 1 + tolerance / 100, 1)
    yields = _table(before, after, [one for one in YIELDS if one.field in fields], max(0.0, 1 - tolerance / 100), -1)
    return run(
        "performance",
        [
            Table("performance-costs", costs, _checks(costs, "limit", "after", "No cost has grown by more than that.")),
            Table("performance-yields", yields, _checks(yields, "after", "limit", "No yield has shrunk by more.")),
        ],
        folder,
    )


def _table(before: Usage, after: Usage, figures: Iterable[Figure], factor: float, sign: int) -> "DataFrame":
    """A figure that neither end has, as without network adapters, is no row; one that only one end has is a gap."""
    import pandas as pd

    rows = []
    for figure in figures:
        old, new = getattr(before, figure.field), getattr(after, figure.field)
        if (old is None and new is None) or (figure.field in _MAY_BE_IDLE and None in (old, new)):
            continue
        limit = None if old is None else max(0.0, old * factor + sign * figure.slack)
        words = [None if value is None else figure.show(value) for value in (old, new, limit)]
        rows.append((WORDS[figure.field], old, new, limit, *words))
    columns = ["figure", "before", "after", "limit", "was", "now", "allowed"]
    return pd.DataFrame(rows, columns=columns).astype({name: "float64" for name in columns[1:4]})


def _checks(frame: "DataFrame", larger: str, smaller: str, says: str) -> list[Check]:
    options = {"column_A": larger, "column_B": smaller, "or_equal": True, "ignore_row_if": "either_value_is_missing"}
    return [
        some_rows("There are figures to compare."),
        filled("before", "Every figure was measured before.", lambda: _gaps(frame, "before", "the source")),
        filled("after", "Every figure was measured after.", lambda: _gaps(frame, "after", "the target")),
        Check("ExpectColumnPairValuesAToBeGreaterThanB", says, options, lambda: _worse(frame, larger, smaller)),
    ]


def _gaps(frame: "DataFrame", column: str, where: str) -> Iterable[str]:
    for row in frame[frame[column].isna()].itertuples():
        yield f"Nobody could tell {row.figure} at {where}, so it cannot be compared. Look at both hosts' own charts."


def _worse(frame: "DataFrame", larger: str, smaller: str) -> Iterable[str]:
    for row in frame[frame[larger] < frame[smaller]].itertuples():
        kind = "at most" if larger == "limit" else "at least"
        figure = f"{str(row.figure)[:1].upper()}{str(row.figure)[1:]}"
        yield (
            f"{figure}: {row.was} before, {row.now} after, {kind} {row.allowed} allowed. "
            "See what else runs on the target's host and storage."
        )

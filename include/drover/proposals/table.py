"""A sheet of a spreadsheet: its columns by any of the names that they have had, its cells with their place."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from drover.errors import BadInputError
from drover.proposals import amounts

if TYPE_CHECKING:
    from pandas import DataFrame

T = TypeVar("T")

# A cell that holds a formula: what it last came to is not what it says, so it is not read.
FORMULA = object()


@dataclass(frozen=True)
class Sheet:
    """:param name: of the sheet; empty where the file has only one. :param frame: texts by column, indexed by line."""

    file: Path
    name: str
    frame: "DataFrame"

    @property
    def where(self) -> str:
        return f"{self.file}, sheet {self.name}" if self.name else f"{self.file}"

    def column(self, *names: str) -> str | None:
        """The first of these columns that there is, as the sheet writes it."""
        return next((self._columns[_same(name)] for name in names if _same(name) in self._columns), None)

    @cached_property
    def _columns(self) -> Mapping[str, str]:
        return {_same(str(column)): str(column) for column in self.frame.columns}

    def need(self, *names: str) -> str:
        """:raises BadInputError: there is none of them."""
        found = self.column(*names)
        if found is None:
            columns = ", ".join(f"'{column}'" for column in self.frame.columns)
            raise BadInputError(
                f"{self.where}, line 1: there is no column {' or '.join(repr(name) for name in names)}.",
                remedy=f"Its columns are {columns}.",
            )
        return found

    def rows(self) -> Iterator["Row"]:
        for line, *values in self.frame.itertuples(name=None):
            yield Row(self, int(line), dict(zip(self.frame.columns, values, strict=True)))


@dataclass(frozen=True, slots=True)
class Row:
    """One line. A column that the sheet does not have reads as empty."""

    sheet: Sheet
    line: int
    values: Mapping[str, Any]

    def text(self, *names: str) -> str:
        column = self.sheet.column(*names)
        value = "" if column is None else self.values[column]
        if value is FORMULA:
            raise self.wrong(column or "", "it holds a formula", "Put its value in its place and run this again.")
        return str(value).strip()

    def flag(self, *names: str) -> bool:
        return self._read(amounts.flag, names) or False

    def whole(self, *names: str) -> int | None:
        """None where the cell is empty."""
        found = self._read(lambda text: amounts.number(text, whole=True), names)
        return None if found is None else int(found)

    def size(self, unit: str | None, *names: str) -> int | None:
        """Bytes, None where the cell is empty. :param unit: of a number that stands alone."""
        return self._read(lambda text: amounts.size(text, unit), names)

    def mebibytes(self, *names: str) -> int | None:
        """Bytes, from a column of RVTools': whole MiB, whatever its head says."""
        found = self._read(_whole_mebibytes, names)
        return None if found is None else int(found * 2**20)

    def wrong(self, column: str, problem: str, remedy: str = "Correct it there and run this again.") -> BadInputError:
        return BadInputError(f"{self.sheet.where}, line {self.line}, column '{column}': {problem}.", remedy=remedy)

    def _read(self, parse: Callable[[str], T], names: Sequence[str]) -> T | None:
        text = self.text(*names)
        if not text:
            return None
        try:
            return parse(text)
        except ValueError as error:
            raise self.wrong(self.sheet.column(*names) or "", str(error)) from None


def frame_of(where: str, head: Sequence[Any], lines: Sequence[tuple[int, Sequence[Any]]]) -> "DataFrame":
    """Texts by column, indexed by line; columns without a head and empty lines are left out.

    :raises BadInputError: two columns have one head, or there is no head at all.
    """
    import pandas as pd

    names = [(place, str(name).strip()) for place, name in enumerate(head) if name not in (None, "", FORMULA)]
    if not names:
        raise BadInputError(f"{where}: the first line has no columns.", remedy="Give the file as it was exported.")
    seen: set[str] = set()
    for _, name in names:
        if _same(name) in seen:
            raise BadInputError(f"{where}, line 1: the column '{name}' is there twice.", remedy="Rename one of them.")
        seen.add(_same(name))
    rows, index = [], []
    for line, values in lines:
        row = [_plain(values[place]) if place < len(values) else "" for place, _ in names]
        if any(value != "" for value in row):
            rows.append(row)
            index.append(line)
    return pd.DataFrame(rows, columns=[name for _, name in names], index=index, dtype=object)


def _plain(value: Any) -> Any:
    if value is None:
        return ""
    if value is FORMULA or isinstance(value, str):
        return value
    if isinstance(value, float):
        # A spreadsheet has no whole numbers of its own; and 1.024 here is no thousand.
        return f"{value:.0f}" if value.is_integer() else f"{Decimal(repr(value)):f}"
    return str(value)


def _whole_mebibytes(text: str) -> Decimal:
    return amounts.number(text, whole=True)


def _same(name: str) -> str:
    return " ".join(name.split()).casefold()

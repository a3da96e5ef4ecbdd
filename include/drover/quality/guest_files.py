"""The guest files suite: every file is at the target what it was at the source, but for those that may change."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from drover.quality.glob import matcher
from drover.quality.runner import Check, Table, run
from drover.quality.verdict import Verdict
from drover.quality.words import listed, one_of, some_rows

if TYPE_CHECKING:
    from pandas import DataFrame, Series

# What is compared, and how a person calls it. Not the time of change: reading a snapshot can lag behind by a tick.
_COMPARED = {
    "type": "their type",
    "size": "their size",
    "mode": "their mode",
    "uid": "their owner",
    "gid": "their group",
    "digest": "their content",
    "link": "where they point",
    "xattrs": "their extended attributes",
}
_KEY = ["filesystem", "path"]
_SIDES = ("_before", "_after")
# These have content, so a digest of it must be there.
_DIGESTED = ("file", "blocks")
_AGAIN = "Run the transfer again; if it happens again, find out what wrote to the disk."


def validate(before: "DataFrame", after: "DataFrame", changing: Sequence[str], folder: Path) -> Verdict:
    """Compares what `drover.guest.files.read_files` told of both ends.

    :param before: at the source; :param after: at the target.
    :param changing: patterns of paths that may change, come or go, as the guest knows them (`/var/log/**`).
    """
    frame = _joined(before, after, changing)
    words = _Words(frame)
    checks = [
        some_rows(
            "There are files to compare.", lambda: ["No file was read at either end. Look at the machine's disks."]
        ),
        Check(
            "ExpectCompoundColumnsToBeUnique",
            "Every file is named once.",
            {"column_list": _KEY},
            words.twice,
        ),
        one_of("readable", ["yes"], "Every filesystem could be read at both ends.", words.unreadable),
        one_of("at", ["both"], "Every file is at both ends.", words.one_sided),
        one_of("digested", ["yes"], "Every file has a digest.", words.undigested),
        *(_same(words, column, what) for column, what in _COMPARED.items()),
    ]
    return run("guest_files", [Table("guest_files", frame, checks)], folder)


def _joined(before: "DataFrame", after: "DataFrame", changing: Sequence[str]) -> "DataFrame":
    frame = before.merge(after, on=_KEY, how="outer", suffixes=_SIDES, indicator="at", sort=True)
    frame["at"] = frame["at"].astype("str").map({"both": "both", "left_only": "source", "right_only": "target"})
    frame["name"] = frame["guest_path_before"].fillna(frame["guest_path_after"]).astype("str")
    unreadable = _either(lambda side: _text(frame, f"type{side}") == "unreadable")
    undigested = _either(lambda side: _text(frame, f"type{side}").isin(_DIGESTED) & frame[f"digest{side}"].isna())
    frame["readable"] = unreadable.map({True: "no", False: "yes"})
    frame["digested"] = undigested.map({True: "no", False: "yes"})
    for side in _SIDES:
        frame[f"unreadable{side}"] = frame[f"link{side}"].where(_text(frame, f"type{side}") == "unreadable")
    _level(frame, comparable=(frame["at"] == "both") & ~unreadable)
    pattern = matcher(changing)
    allowed = frame["name"].map(lambda name: pattern.match(name) is not None).astype(bool)
    return frame[~allowed | unreadable].reset_index(drop=True)


def _either(test: "Callable[[str], Series[bool]]") -> "Series[bool]":
    return test("_before") | test("_after")


def _text(frame: "DataFrame", column: str) -> "Series[str]":
    return frame[column].astype("str").fillna("")


def _level(frame: "DataFrame", comparable: "Series[bool]") -> None:
    """Where both ends can be compared, nothing is a value as any other; elsewhere all is empty: other rules speak."""
    for column in _COMPARED:
        for side in _SIDES:
            values = frame[f"{column}{side}"]
            frame[f"{column}{side}"] = values.astype("str").fillna("none").where(comparable)


def _same(words: "_Words", column: str, what: str) -> Check:
    left, right = (f"{column}{side}" for side in _SIDES)
    options = {"column_A": left, "column_B": right, "ignore_row_if": "either_value_is_missing"}
    says = f"Files are the same in {what}."
    return Check("ExpectColumnPairValuesToBeEqual", says, options, lambda: words.changed(left, right, what))


class _Words:
    """Sentences that name the files."""

    def __init__(self, frame: "DataFrame") -> None:
        self._frame = frame

    def _files(self, wrong: "Series[bool]", what: str) -> Iterable[str]:
        rows = self._frame[wrong].to_dict("records")
        if rows:
            names = [f"{row['name'] or 'all of it'} ({row['filesystem']})" for row in rows]
            count = "1 file" if len(names) == 1 else f"{len(names)} files"
            yield f"{count} {what}: {listed(names)}. {_AGAIN}"

    def twice(self) -> Iterable[str]:
        yield from self._files(self._frame.duplicated(_KEY, keep=False), "named twice in one reading")

    def one_sided(self) -> Iterable[str]:
        yield from self._files(self._frame["at"] == "source", "missing at the target")
        yield from self._files(self._frame["at"] == "target", "at the target but not at the source")

    def undigested(self) -> Iterable[str]:
        yield from self._files(self._frame["digested"] == "no", "without a digest, so that nobody knows the content")

    def changed(self, left: str, right: str, what: str) -> Iterable[str]:
        here, there = self._frame[left], self._frame[right]
        yield from self._files(here.notna() & there.notna() & (here != there), f"changed in {what}")

    def unreadable(self) -> Iterable[str]:
        bad = self._frame[self._frame["readable"] == "no"]
        for row in bad.to_dict("records"):
            for end, side in zip(("source", "target"), _SIDES, strict=True):
                reason = row[f"unreadable{side}"]
                if isinstance(reason, str):
                    yield (
                        f"The filesystem {row['filesystem']} could not be read at the {end} ({reason}), so nobody "
                        "knows its files. Check the filesystem in the guest, then run this task again."
                    )

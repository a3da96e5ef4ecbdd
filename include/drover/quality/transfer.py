"""The transfer suite: every byte of every disk arrived, and stands where it should.

Two tables: one row a disk (sizes, chunk sizes), one row a chunk (both ends' digests side by side).
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from drover.quality import chunks
from drover.quality.runner import Check, Table, run
from drover.quality.verdict import Verdict
from drover.quality.words import between, filled, pair, some_rows

if TYPE_CHECKING:
    from pandas import DataFrame

    from drover.blocks.manifest import Manifest

_AGAIN = "Run the transfer again; if it happens again, look at the target's storage."


def validate(source: Mapping[str, "Manifest"], target: Mapping[str, "Manifest"], folder: Path) -> Verdict:
    """:param source: the manifests of what was read, by disk name; :param target: of what was read back there."""
    frame = chunks.joined(source, target)
    words = _Words(source, target, frame)
    tables = [
        Table("transfer_disks", _disks(source, target), _disk_checks(words)),
        Table("transfer_chunks", frame, _chunk_checks(words)),
    ]
    return run("transfer", tables, folder)


def _disks(source: Mapping[str, "Manifest"], target: Mapping[str, "Manifest"]) -> "DataFrame":
    import pandas as pd

    rows = [
        {
            "disk": disk,
            **{
                f"{side}_{what}": getattr(manifests[disk], what) if disk in manifests else None
                for side, manifests in (("source", source), ("target", target))
                for what in ("size", "chunk_size")
            },
        }
        for disk in _names(source, target)
    ]
    columns = ["disk", "source_size", "source_chunk_size", "target_size", "target_chunk_size"]
    # Floats are exact up to 8 PiB, and empty cells of whole numbers are what Great Expectations cannot compare.
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(columns[1:], "float64"))


def _names(source: Mapping[str, "Manifest"], target: Mapping[str, "Manifest"]) -> list[str]:
    return [*source, *(disk for disk in target if disk not in source)]


def _disk_checks(words: "_Words") -> list[Check]:
    return [
        some_rows("At least one disk was transferred.", lambda: ["There is no disk to compare. " + _AGAIN]),
        filled("target_size", "Every disk of the source is at the target.", words.missing),
        filled("source_size", "Every disk of the target is one of the source.", words.extra),
        between("source_size", 1, None, "Every disk of the source holds bytes."),
        pair("source_size", "target_size", "Every disk is as large at the target as at the source.", words.sizes),
        pair("source_chunk_size", "target_chunk_size", "Both ends were read in chunks of one size.", words.chunk_sizes),
    ]


def _chunk_checks(words: "_Words") -> list[Check]:
    checks = [some_rows("At least one chunk was compared.", lambda: ["No chunk was compared. " + _AGAIN])]
    for side in ("source", "target"):
        checks += [
            filled(f"{side}_digest", f"Every chunk has a digest at the {side}.", lambda s=side: words.undigested(s)),  # type: ignore[misc]
            Check(
                "ExpectColumnValueLengthsToEqual",
                f"Every digest at the {side} is a whole one.",
                {"column": f"{side}_digest", "value": 64},
                lambda s=side: words.undigested(s),  # type: ignore[misc]
            ),
            between(
                f"{side}_gap",
                0,
                0,
                f"The chunks read at the {side} cover the disk without gap or overlap.",
                lambda s=side: words.uncovered(s),  # type: ignore[misc]
            ),
        ]
    return [
        *checks,
        pair("source_length", "target_length", "Chunks are as long at both ends.", words.lengths),
        pair("source_digest", "target_digest", "Every chunk holds the same bytes at both ends.", words.different),
    ]


class _Words:
    """What a person reads about each rule that is broken."""

    def __init__(self, source: Mapping[str, "Manifest"], target: Mapping[str, "Manifest"], frame: "DataFrame") -> None:
        self._source = source
        self._target = target
        self._frame = frame

    def missing(self) -> Iterable[str]:
        for disk in self._source:
            if disk not in self._target:
                yield f"Disk {disk} is missing at the target. {_AGAIN}"

    def extra(self) -> Iterable[str]:
        for disk in self._target:
            if disk not in self._source:
                yield f"Disk {disk} is at the target but not at the source. Find out who made it, and take it away."

    def sizes(self) -> Iterable[str]:
        for disk in self._common():
            here, there = self._source[disk].size, self._target[disk].size
            if here != there:
                what = "is cut off: it" if there < here else "is too long: it"
                tail = chunks.Span(min(here, there), abs(here - there))
                yield f"Disk {disk} {what} has {here} bytes at the source and {there} at the target ({tail}). {_AGAIN}"

    def chunk_sizes(self) -> Iterable[str]:
        for disk in self._common():
            here, there = self._source[disk].chunk_size, self._target[disk].chunk_size
            if here != there:
                yield (
                    f"Disk {disk} was read in chunks of {here} bytes at the source and of {there} at the target, "
                    "so its digests cannot be compared. Read both ends again with one chunk size."
                )

    def undigested(self, side: str) -> Iterable[str]:
        for disk, rows in self._of_common(f"{side}_length"):
            digest = rows[f"{side}_digest"]
            spans = chunks.spans(rows[digest.isna() | (digest.str.len() != 64)], side)
            if spans:
                yield f"Disk {disk}: {chunks.told(spans)} have no digest at the {side}, so nobody knows them. {_AGAIN}"

    def uncovered(self, side: str) -> Iterable[str]:
        for disk, rows in self._of_common(f"{side}_gap"):
            for offset, gap in rows.loc[rows[f"{side}_gap"] != 0, ["offset", f"{side}_gap"]].to_numpy("int64")[:5]:
                span = chunks.Span(offset - gap, gap) if gap > 0 else chunks.Span(offset, -gap)
                what = "were left out" if gap > 0 else "were read twice"
                yield f"Disk {disk}: {span} {what} at the {side}. {_AGAIN}"

    def lengths(self) -> Iterable[str]:
        for disk, rows in self._of_common("source_length"):
            both = rows[rows["source_length"].notna() & rows["target_length"].notna()]
            spans = chunks.spans(both[both["source_length"] != both["target_length"]], "source")
            if spans:
                yield f"Disk {disk}: {chunks.told(spans)} are of another length at the target. {_AGAIN}"

    def different(self) -> Iterable[str]:
        yield from self._exchanged()
        for disk, rows in self._of_common("source_length"):
            both = rows[rows["source_digest"].notna() & rows["target_digest"].notna()]
            wrong = both[both["source_digest"] != both["target_digest"]]
            if len(wrong):
                yield f"Disk {disk} differs at the target: {chunks.told(chunks.spans(wrong, 'source'))}. {_AGAIN}"
                yield from chunks.moved(disk, wrong)

    def _exchanged(self) -> Iterable[str]:
        for disk in self._common():
            for other in self._source:
                if other != disk and _same(self._target[disk], self._source[other]):
                    if not _same(self._target[disk], self._source[disk]):
                        yield (
                            f"Disk {disk} at the target holds what {other} should hold. "
                            "Put the disks in the right order, then run the transfer again."
                        )
                    break

    def _common(self) -> list[str]:
        return [disk for disk in self._source if disk in self._target]

    def _of_common(self, column: str) -> Iterable[tuple[str, "DataFrame"]]:
        """Rows, where they have this column, of the disks that both ends read in chunks of one size."""
        for disk in self._common():
            if self._source[disk].chunk_size == self._target[disk].chunk_size:
                rows = self._frame[self._frame["disk"] == disk]
                yield disk, rows[rows[column].notna()]


def _same(one: "Manifest", other: "Manifest") -> bool:
    return one.size == other.size and one.digests == other.digests

"""Byte ranges of a disk."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Range:
    """The bytes from `offset` on, `length` of them."""

    offset: int
    length: int

    @property
    def end(self) -> int:
        """The first byte after it."""
        return self.offset + self.length

    def __str__(self) -> str:
        return f"bytes {self.offset} to {self.end - 1}"


def merged(ranges: Iterable[Range]) -> list[Range]:
    """The same bytes as sorted ranges of which no two touch."""
    result: list[Range] = []
    for part in sorted(ranges):
        if result and part.offset <= result[-1].end:
            last = result[-1]
            result[-1] = Range(last.offset, max(last.end, part.end) - last.offset)
        elif part.length:
            result.append(part)
    return result


def spell(ranges: list[Range], most: int = 5) -> str:
    """The ranges in words for a message, the first few of them."""
    words = ", ".join(str(part) for part in ranges[:most])
    return words if len(ranges) <= most else f"{words} and {len(ranges) - most} more ranges"

"""What is wrong in a wave file, all of it at once."""

from collections.abc import Sequence
from dataclasses import dataclass

from drover.errors import BadInputError


@dataclass(frozen=True, slots=True)
class Mistake:
    """:param line: counted from 1; 0 where it is about the file as a whole. :param place: `machines[2].strategy`."""

    line: int
    column: int
    place: str
    problem: str
    expected: str = ""

    def __str__(self) -> str:
        where = f"line {self.line}, column {self.column}" if self.line else ""
        head = ", ".join(part for part in (where, self.place) if part)
        tail = f" (expected: {self.expected})" if self.expected else ""
        return f"{head}: {self.problem}{tail}" if head else f"{self.problem}{tail}"


class WaveFileError(BadInputError):
    """A wave file that cannot be used. `mistakes` has every one of them, in the file's order."""

    def __init__(self, path: str, mistakes: Sequence[Mistake]) -> None:
        count = "a mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        listed = "".join(f"\n  {mistake}" for mistake in mistakes)
        super().__init__(
            f"The wave file {path} has {count}:{listed}",
            remedy="Correct the file; include/waves/examples/ shows what can be in one.",
        )
        self.path = path
        self.mistakes = tuple(mistakes)

    def __str__(self) -> str:
        return f"{self.message}\n{self.remedy}"

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.path, self.mistakes))

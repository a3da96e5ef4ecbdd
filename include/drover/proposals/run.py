"""From the machines of a list to wave files, and what to say about them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drover.errors import BadInputError
from drover.hypervisors.connection import resolve
from drover.proposals.amounts import shown, size
from drover.proposals.candidate import Candidate
from drover.proposals.grouping import ProposedWave, propose
from drover.proposals.writing import Filled, names_of, texts_of, write


@dataclass(frozen=True, slots=True)
class Wanted:
    """:param most: machines in a wave. :param largest: of its disks, as in `2 TiB`. :param filled: what is known."""

    folder: Path
    most: int
    largest: str | None
    filled: Filled


@dataclass(frozen=True, slots=True)
class Written:
    """:param files: one for each wave. :param absent: what the list cannot tell. :param unread: columns of no use."""

    waves: tuple[ProposedWave, ...]
    files: tuple[Path, ...]
    absent: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "waves": [
                {
                    "file": str(path),
                    "wave": name,
                    "machines": [each.candidate.name for each in wave.machines],
                    "bytes": wave.size,
                }
                for path, name, wave in zip(self.files, names_of(self.waves), self.waves, strict=True)
            ],
            "left_out": [
                {
                    "name": one.candidate.name,
                    "place": one.candidate.place,
                    "reasons": [{"id": concern, "assessment": words} for concern, words in one.reasons],
                }
                for wave in self.waves
                for one in wave.left_out
            ],
            "absent": list(self.absent),
            "unread": list(self.unread),
        }

    def as_text(self) -> str:
        lines = [
            f"{path}: {len(wave.machines)} machines, {shown(wave.size)}"
            + (f", {len(wave.left_out)} left out" if wave.left_out else "")
            for path, wave in zip(self.files, self.waves, strict=True)
        ]
        lines += [f"The export has no {words}." for words in self.absent]
        if self.unread:
            lines.append(f"Not read: {', '.join(repr(column) for column in self.unread)}; see docs/wave-file.md.")
        return "\n".join([*lines, "Fill in what is open; './drover wave check FILE...' names it."])


def run(
    file: Path,
    candidates: Sequence[Candidate],
    wanted: Wanted,
    *,
    live: bool,
    absent: Sequence[str] = (),
    unread: Sequence[str] = (),
) -> Written:
    """:param live: whether the machines' hypervisor can move them to the target while they run.

    :param absent: what the list cannot tell. :param unread: its columns that say nothing here.

    :raises BadInputError: see `propose` and `write`; or an option is wrong.
    """
    try:
        largest = None if wanted.largest is None else size(wanted.largest)
    except ValueError as error:
        raise BadInputError(f"--max-size: {error}.", remedy="Write it as in '2 TiB'.") from None
    waves = propose(candidates, str(file), most=wanted.most, largest=largest, live=live)
    files = write(wanted.folder, texts_of(waves, wanted.filled, file.name, absent))
    return Written(waves, tuple(files), tuple(absent), tuple(unread))


def kind_of(connection: str | None) -> str | None:
    """The kind of hypervisor behind a connection; None where it is not known here."""
    if connection is None:
        return None
    try:
        return resolve(connection).kind
    except BadInputError:
        return None


def alike(sources: Iterable[str], target: str | None) -> bool:
    """Whether all these connections are known here, and of one kind."""
    kinds = {kind_of(connection) for connection in (*sources, target)}
    return len(kinds) == 1 and None not in kinds


def sources_of(texts: Iterable[str], places: Iterable[str]) -> Mapping[str, str]:
    """Of `CONNECTION` and `VCENTER=CONNECTION`. :raises BadInputError: no machine is at such a vCenter."""
    found: dict[str, str] = {}
    places = set(places)
    for text in texts:
        place, sign, connection = text.rpartition("=")
        if sign and place not in places:
            known = ", ".join(f"'{each}'" for each in sorted(places) if each)
            raise BadInputError(
                f"--source: there is no '{place}' in the list.",
                remedy=f"There are: {known}." if known else "The list names none; write --source CONNECTION.",
            )
        found[place] = connection
    return found

"""A machine as a list tells it, before anybody has asked its hypervisor."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from drover.model import Strategy, VirtualMachine
from drover.proposals.table import Row

# Where it is now (a vCenter, a connection), and its name there.
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Candidate:
    """:param machine: as far as the list tells; what it does not tell is asked when the wave is planned.

    :param place: the vCenter or the connection that it is at; empty where the list does not say.
    :param group: what it belongs to, by the column that the list is grouped by.
    :param size: of all its disks, bytes. :param used: what they take up, bytes; None where the list does not say.
    :param networks: :param storage: as the source calls them.
    :param needs: the machines that must have moved before it. :param strategy: where the list asks for one.
    :param excluded: why it is nothing that could move; empty where it may be.
    """

    machine: VirtualMachine
    row: Row = field(repr=False)
    place: str
    group: str
    size: int
    used: int | None = None
    networks: tuple[str, ...] = ()
    storage: tuple[str, ...] = ()
    needs: tuple[Key, ...] = ()
    strategy: Strategy | None = None
    excluded: str = ""

    @property
    def name(self) -> str:
        return self.machine.name

    @property
    def key(self) -> Key:
        return self.place, self.machine.name


def with_needs(candidates: Iterable[Candidate], *columns: str) -> list[Candidate]:
    """Each with the machines that it names in this column, which holds several parted by `|`, `;` or `,`.

    :raises BadInputError: a name is no machine of the list, or the machine's own.
    """
    found = list(candidates)
    places: dict[str, list[str]] = {}
    for each in found:
        places.setdefault(each.name, []).append(each.place)
    return [replace(each, needs=tuple(_needed(each, columns, places))) for each in found]


def _needed(each: Candidate, columns: tuple[str, ...], places: dict[str, list[str]]) -> Iterable[Key]:
    text = each.row.text(*columns)
    column = each.row.sheet.column(*columns) or ""
    for name in dict.fromkeys(listed(text, places)):
        where = places.get(name, [])
        if name == each.name and where == [each.place]:
            raise each.row.wrong(column, f"the machine '{name}' needs itself")
        if each.place in where:
            yield each.place, name
        elif len(where) == 1:
            yield where[0], name
        elif where:
            raise each.row.wrong(column, f"there are {len(where)} machines '{name}', and none where this one is")
        else:
            close = get_close_matches(name, places, n=1)
            hint = f"; did you mean '{close[0]}'?" if close else ""
            raise each.row.wrong(column, f"no line has the machine '{name}'{hint}")


def listed(text: str, whole: Iterable[str] = ()) -> list[str]:
    """The parts of a cell that holds several. :param whole: names that may have a separator in them."""
    if not text or text in whole:
        return [text] if text else []
    for mark in ("|", ";", "\n", ","):
        if mark in text:
            return [part.strip() for part in text.split(mark) if part.strip()]
    return [text]

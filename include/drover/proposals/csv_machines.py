"""The machines of a table of one's own: a line each, with at least a column `name`."""

import re
from collections.abc import Sequence
from pathlib import Path

from drover.errors import BadInputError
from drover.model import Cpu, Firmware, PowerState, Strategy, VirtualMachine
from drover.proposals import csv_table
from drover.proposals.candidate import Candidate, Key, listed, with_needs
from drover.proposals.table import Row, Sheet
from drover.waves import names

NAME = ("name", "machine", "vm")
NEEDS = ("depends", "depends on", "after")
NETWORKS = ("networks", "network")
STORAGE = ("storage", "datastore")
STATE = ("state", "power", "powerstate")
# What it is grouped by where nobody says: the first of these that the table has.
BY = ("application", "cluster", "folder")

_STATES = {
    **dict.fromkeys(("running", "on", "poweredon", "powered on"), PowerState.RUNNING),
    **dict.fromkeys(("off", "poweredoff", "powered off", "shut off"), PowerState.OFF),
}
_SIZE_HEAD = re.compile(r"size(?:[ _]?\(?([kmgt]i?b)\)?)?", re.IGNORECASE)


def read(path: Path, by: str | None) -> list[Candidate]:
    """:param by: the column that groups them, or `none`. :raises BadInputError: in words, with line and column."""
    sheet = csv_table.sheet(path)
    sheet.need(*NAME)
    column = _grouped_by(sheet, by)
    size = next((head for head in map(str, sheet.frame.columns) if _SIZE_HEAD.fullmatch(head)), None)
    found = [_candidate(row, column, size) for row in sheet.rows()]
    if not found:
        raise BadInputError(f"{path} has no machine in it.", remedy="Give a machine in each line.")
    _refuse_twins(found)
    return with_needs(found, *NEEDS)


def unread(found: Sequence[Candidate], by: str | None) -> tuple[str, ...]:
    """The columns that say nothing here, as the table writes them: whoever misspelled one must learn of it."""
    sheet = found[0].row.sheet
    read_ones = {*NAME, *NEEDS, *STATE, *NETWORKS, *STORAGE, *BY, "host", "source", "strategy", by or ""}
    known = {sheet.column(name) for name in read_ones}
    heads = map(str, sheet.frame.columns)
    return tuple(head for head in heads if head not in known and not _SIZE_HEAD.fullmatch(head))


def _grouped_by(sheet: Sheet, by: str | None) -> str | None:
    if by is None:
        return sheet.column(*BY)
    return None if by == "none" else sheet.need(by)


def _candidate(row: Row, column: str | None, size: str | None) -> Candidate:
    name = row.text(*NAME)
    head = row.sheet.column(*NAME) or ""
    if (problem := names.problem(name)) is not None:
        raise row.wrong(head, problem)
    unit = _SIZE_HEAD.fullmatch(size) if size else None
    return Candidate(
        machine=_machine(row, name),
        row=row,
        place=row.text("source"),
        group=row.text(column) if column else "",
        size=(row.size(unit[1] if unit else None, size) if size else None) or 0,
        networks=tuple(dict.fromkeys(listed(row.text(*NETWORKS)))),
        storage=tuple(dict.fromkeys(listed(row.text(*STORAGE)))),
        strategy=_strategy(row) or (None if row.text(*STATE) else Strategy.COLD),
    )


def _machine(row: Row, name: str) -> VirtualMachine:
    """A list of one's own says little; the hypervisor is asked for the rest when the wave is planned."""
    state = row.text(*STATE).casefold()
    if state and state not in _STATES:
        raise row.wrong(row.sheet.column(*STATE) or "", f"'{state}' is neither 'running' nor 'off'")
    return VirtualMachine(
        name=name,
        uuid="",
        hypervisor="",
        host=row.text("host"),
        state=_STATES.get(state, PowerState.RUNNING),
        cpu=Cpu(1),
        memory=0,
        firmware=Firmware.BIOS,
        disks=(),
        nics=(),
        autostart=False,
    )


def _strategy(row: Row) -> Strategy | None:
    word = row.text("strategy").casefold()
    if not word:
        return None
    if word not in (Strategy.COLD, Strategy.LIVE):
        raise row.wrong(row.sheet.column("strategy") or "", f"'{word}' is neither 'cold' nor 'live'")
    return Strategy(word)


def _refuse_twins(found: list[Candidate]) -> None:
    seen: dict[Key, int] = {}
    for each in found:
        if each.key in seen:
            column = each.row.sheet.column(*NAME) or ""
            raise each.row.wrong(column, f"the machine '{each.name}' is in line {seen[each.key]} too")
        seen[each.key] = each.row.line

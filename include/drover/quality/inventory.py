"""The inventory suite: what a hypervisor says of its machines is complete and makes sense.

Three tables: machines, disks, network adapters.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drover.model import VirtualMachine
from drover.quality.runner import Check, Table, run
from drover.quality.verdict import Verdict
from drover.quality.words import between, filled, some_rows

if TYPE_CHECKING:
    from pandas import DataFrame, Series

_MACHINE = ("name", "uuid", "cpus", "memory", "firmware", "state")
_DISK = ("machine", "name", "path", "size", "odd_bytes", "format", "bus")
_NIC = ("machine", "mac", "network", "model")
_MAC = r"^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$"
_UUID = r"^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
_SECTOR = 512


def validate(machines: Sequence[VirtualMachine], folder: Path) -> Verdict:
    """:param machines: as one hypervisor tells them."""
    tables = [_machines(machines), _disks(machines), _nics(machines)]
    return run("inventory", tables, folder)


def _machines(machines: Sequence[VirtualMachine]) -> Table:
    rows = [(m.name, m.uuid, m.cpu.count, m.memory, m.firmware.value, m.state.value) for m in machines]
    told = _Teller(_frame(rows, _MACHINE), lambda row: f"Machine '{row['name'] or row['uuid']}'")
    checks = [
        some_rows(
            "There is at least one machine.", lambda: ["The inventory is empty. Look at the connection's login."]
        ),
        *told.complete(_MACHINE),
        told.unique("name", "has a name that another machine has, too. Rename one of them."),
        told.unique("uuid", "has a UUID that another machine has, too. Give the copy a UUID of its own."),
        told.matches("uuid", _UUID, "has a UUID that is none. Correct its definition."),
        told.at_least("cpus", 1, "has no CPU. Correct its definition."),
        told.at_least("memory", 1, "has no memory. Correct its definition."),
    ]
    return Table("inventory_machines", told.frame, checks)


def _disks(machines: Sequence[VirtualMachine]) -> Table:
    rows = [
        (m.name, disk.name, disk.path, disk.size, disk.size % _SECTOR, disk.format.value, disk.bus)
        for m in machines
        for disk in m.disks
    ]
    told = _Teller(_frame(rows, _DISK), lambda row: f"Disk {row['name']} of machine '{row['machine']}'")
    one_name = {"column_list": ["machine", "name"]}
    checks = [
        *told.complete(_DISK),
        Check(
            "ExpectCompoundColumnsToBeUnique",
            "Every disk has a name of its own in its machine.",
            one_name,
            lambda: told.say(
                told.frame.duplicated(["machine", "name"], keep=False),
                "has the name of another. Correct its definition.",
            ),
        ),
        told.at_least("size", 1, "has no size. Look whether its image is there and whole."),
        between(
            "odd_bytes",
            0,
            0,
            f"The size of every disk is a multiple of {_SECTOR} bytes.",
            lambda: told.say(
                told.frame["odd_bytes"] != 0, f"has a size that is no multiple of {_SECTOR} bytes. Extend its image."
            ),
        ),
    ]
    return Table("inventory_disks", told.frame, checks)


def _nics(machines: Sequence[VirtualMachine]) -> Table:
    rows = [(m.name, nic.mac, nic.network, nic.model) for m in machines for nic in m.nics]
    told = _Teller(_frame(rows, _NIC), lambda row: f"The network adapter {row['mac']} of machine '{row['machine']}'")
    checks = [
        *told.complete(_NIC),
        told.unique("mac", "has a MAC address that another adapter has, too. Give one of them another."),
        told.matches("mac", _MAC, "has a MAC address that is none. Correct its definition."),
    ]
    return Table("inventory_nics", told.frame, checks)


def _frame(rows: list[tuple[Any, ...]], columns: tuple[str, ...]) -> "DataFrame":
    import pandas as pd

    # Empty text is as good as nothing, and nothing must not pass.
    kept = [[None if value == "" else value for value in row] for row in rows]
    return pd.DataFrame(kept, columns=list(columns), dtype="object").infer_objects()


class _Teller:
    """Checks of one table whose failures name the rows."""

    def __init__(self, frame: "DataFrame", name: Callable[[Any], str]) -> None:
        self.frame = frame
        self._name = name

    def say(self, wrong: "Series[bool]", what: str) -> Iterable[str]:
        named = self.frame[wrong].astype("object").where(self.frame[wrong].notna(), "")
        return [f"{self._name(row)} {what}" for row in named.to_dict("records")]

    def complete(self, columns: tuple[str, ...]) -> list[Check]:
        schema = Check(
            "ExpectTableColumnsToMatchOrderedList",
            "The table has the columns it should.",
            {"column_list": list(columns)},
        )
        return [schema, *(self._filled(column) for column in columns)]

    def _filled(self, column: str) -> Check:
        what = f"has no {column}. Correct its definition, or report it if the hypervisor shows one."
        return filled(column, f"{column} is known.", lambda: self.say(self.frame[column].isna(), what))

    def unique(self, column: str, what: str) -> Check:
        def twice() -> Iterable[str]:
            values = self.frame[column]
            return self.say(values.notna() & values.duplicated(keep=False), what)

        return Check("ExpectColumnValuesToBeUnique", f"{column} is there only once.", {"column": column}, twice)

    def matches(self, column: str, pattern: str, what: str) -> Check:
        def odd() -> Iterable[str]:
            values = self.frame[column]
            return self.say(values.notna() & ~values.astype("str").str.match(pattern), what)

        options = {"column": column, "regex": pattern}
        return Check("ExpectColumnValuesToMatchRegex", f"{column} looks as it should.", options, odd)

    def at_least(self, column: str, low: int, what: str) -> Check:
        def less() -> Iterable[str]:
            return self.say(self.frame[column] < low, what)

        return between(column, low, None, f"{column} is at least {low}.", less)

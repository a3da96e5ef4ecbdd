"""The machine suite: what is at the target is what the target's hypervisor was to make of the source.

What must never change in a move (identity, memory, CPUs, firmware, disks' order and size, MACs) is held against the
source itself, so that a mistake in what was to be made cannot hide a loss.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from drover.model import VirtualMachine
from drover.quality.runner import Table, run
from drover.quality.verdict import Verdict
from drover.quality.words import filled, pair, some_rows

if TYPE_CHECKING:
    from pandas import DataFrame


def validate(source: VirtualMachine, wanted: VirtualMachine, after: VirtualMachine, folder: Path) -> Verdict:
    """:param source: as it was before the move. :param wanted: what the target's hypervisor makes of it, as it told."""
    frame = _compared(_settings(wanted) | _kept(source), _settings(after) | _kept(after))
    says = "Every setting of the machine is at the target what it was to be."
    checks = [
        some_rows("The machine has settings to compare."),
        filled("before", "The target has nothing that it was not to have.", lambda: _added(frame)),
        filled("after", "Nothing that was to be there is missing at the target.", lambda: _gone(frame)),
        pair("before", "after", says, lambda: _changed(frame, source.name)),
    ]
    return run("machine", [Table("machine", frame, checks)], folder)


def _kept(machine: VirtualMachine) -> dict[str, str]:
    """What no move may change, whatever the target's hypervisor is."""
    settings: list[tuple[str, object]] = [
        ("name", machine.name),
        ("UUID", machine.uuid),
        ("number of CPUs", machine.cpu.count),
        ("memory", f"{machine.memory} bytes"),
        ("firmware", machine.firmware.value),
        ("number of disks", len(machine.disks)),
        ("number of network adapters", len(machine.nics)),
    ]
    settings += [(f"disk {place}: size", f"{disk.size} bytes") for place, disk in enumerate(machine.disks, 1)]
    settings += [(f"network adapter {place}: MAC address", nic.mac) for place, nic in enumerate(machine.nics, 1)]
    return {setting: str(value) for setting, value in settings}


def _settings(machine: VirtualMachine) -> dict[str, str]:
    cpu = machine.cpu
    settings: list[tuple[str, object]] = [
        ("CPU topology", f"{cpu.sockets} sockets, {cpu.cores} cores, {cpu.threads} threads"),
        ("secure boot", "on" if machine.secure_boot else "off"),
        ("boot order", ", ".join(machine.boot_order) or "none"),
    ]
    # By place, not by name: the guest numbers its disks and adapters in the order in which it finds them.
    for place, disk in enumerate(machine.disks, 1):
        settings += [
            (f"disk {place}: name", disk.name),
            (f"disk {place} ({disk.name}): bus", disk.bus),
            (f"disk {place} ({disk.name}): controller", disk.controller or "none"),
            (f"disk {place} ({disk.name}): boot order", disk.boot_order or "none"),
            (f"disk {place} ({disk.name}): serial", disk.serial or "none"),
            (f"disk {place} ({disk.name}): read only", "yes" if disk.read_only else "no"),
        ]
    for place, nic in enumerate(machine.nics, 1):
        settings += [
            (f"network adapter {place}: network", nic.network),
            (f"network adapter {place}: model", nic.model),
            (f"network adapter {place}: boot order", nic.boot_order or "none"),
        ]
    return {setting: str(value) for setting, value in settings}


def _compared(before: Mapping[str, str], after: Mapping[str, str]) -> "DataFrame":
    import pandas as pd

    rows = [(setting, before.get(setting), after.get(setting)) for setting in dict.fromkeys([*before, *after])]
    return pd.DataFrame(rows, columns=["setting", "before", "after"], dtype="str")


def _changed(frame: "DataFrame", name: str) -> Iterable[str]:
    both = frame[frame["before"].notna() & frame["after"].notna()]
    for row in both[both["before"] != both["after"]].itertuples():
        yield (
            f"Machine '{name}', {row.setting}: {row.before} was to be, {row.after} is at the target. "
            "Take the target away and run the transfer again."
        )


def _gone(frame: "DataFrame") -> Iterable[str]:
    for row in frame[frame["after"].isna()].itertuples():
        yield f"The target has no {row.setting} ({row.before} was to be). Take it away and transfer again."


def _added(frame: "DataFrame") -> Iterable[str]:
    for row in frame[frame["before"].isna()].itertuples():
        yield f"The target has {row.setting} ({row.after}), which was not to be. Take it away and transfer again."

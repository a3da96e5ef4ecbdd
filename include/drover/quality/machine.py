"""The machine suite: what the guest sees of its hardware is at the target what it was at the source."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from drover.model import VirtualMachine
from drover.quality.runner import Table, run
from drover.quality.verdict import Verdict
from drover.quality.words import filled, pair, some_rows

if TYPE_CHECKING:
    from pandas import DataFrame

_UNMAPPED = "a network that the wave does not map"


def validate(before: VirtualMachine, after: VirtualMachine, networks: Mapping[str, str], folder: Path) -> Verdict:
    """:param networks: source network name to target network name, as the wave maps them."""
    frame = _compared(_settings(before, networks), _settings(after, None))
    says = "Every setting of the machine is the same at the target as at the source."
    checks = [
        some_rows("The machine has settings to compare."),
        filled("before", "The target has nothing that the source did not have.", lambda: _added(frame)),
        filled("after", "Nothing that the source has is missing at the target.", lambda: _gone(frame)),
        pair("before", "after", says, lambda: _changed(frame, before.name)),
    ]
    return run("machine", [Table("machine", frame, checks)], folder)


def _settings(machine: VirtualMachine, networks: Mapping[str, str] | None) -> dict[str, str]:
    """:param networks: None leaves network names as they are."""
    cpu = machine.cpu
    settings: list[tuple[str, object]] = [
        ("name", machine.name),
        ("UUID", machine.uuid),
        ("number of CPUs", cpu.count),
        ("CPU topology", f"{cpu.sockets} sockets, {cpu.cores} cores, {cpu.threads} threads"),
        ("memory", f"{machine.memory} bytes"),
        ("firmware", machine.firmware.value),
        ("secure boot", "on" if machine.secure_boot else "off"),
        ("number of disks", len(machine.disks)),
        ("number of network adapters", len(machine.nics)),
        ("boot order", ", ".join(machine.boot_order) or "none"),
    ]
    # By place, not by name: the guest numbers its disks and adapters in the order in which it finds them.
    for place, disk in enumerate(machine.disks, 1):
        settings += [
            (f"disk {place}: name", disk.name),
            (f"disk {place} ({disk.name}): size", f"{disk.size} bytes"),
            (f"disk {place} ({disk.name}): bus", disk.bus),
            (f"disk {place} ({disk.name}): boot order", disk.boot_order or "none"),
            (f"disk {place} ({disk.name}): serial", disk.serial or "none"),
            (f"disk {place} ({disk.name}): read only", "yes" if disk.read_only else "no"),
        ]
    for place, nic in enumerate(machine.nics, 1):
        network = nic.network if networks is None else networks.get(nic.network, f"{_UNMAPPED} ('{nic.network}')")
        settings += [
            (f"network adapter {place}: MAC address", nic.mac),
            (f"network adapter {place}: network", network),
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
            f"Machine '{name}', {row.setting}: {row.before} at the source, {row.after} at the target. "
            "Take the target away and run the transfer again."
        )


def _gone(frame: "DataFrame") -> Iterable[str]:
    for row in frame[frame["after"].isna()].itertuples():
        yield f"The target has no {row.setting} (it was {row.before} at the source). Take it away and transfer again."


def _added(frame: "DataFrame") -> Iterable[str]:
    for row in frame[frame["before"].isna()].itertuples():
        yield f"The target has {row.setting} ({row.after}), which the source has not. Take it away and transfer again."

"""A setting of the machine that the target would silently drop or change."""

from collections.abc import Iterator

from drover.concerns.finding import critical
from drover.concerns.preflight import Preflight
from drover.model import Concern, VirtualMachine

ID = "translation.lost"
WAIVABLE = True


def check(p: Preflight) -> Iterator[Concern]:
    if p.source is None or p.translated is None:
        return
    here, there = _settings(p.source), _settings(p.translated)
    if not p.to_another_kind:
        here["machine type"], there["machine type"] = (each.machine_type for each in (p.source, p.translated))
    for what, value in here.items():
        if value and there.get(what) != value:
            yield critical(
                ID,
                "A setting would be lost",
                found=f"Machine '{p.plan.name}' has {what} {_words(value)}; at the target {_words(there.get(what))}.",
                why="Whoever set it relies on it, and would find it gone after the move.",
                do="Take it away at the source if nobody needs it, or waive this and set it again at the target.",
            )


def _settings(machine: VirtualMachine) -> dict[str, object]:
    """What is set where it is true; the default is nothing to lose."""
    settings: dict[str, object] = {"secure boot": machine.secure_boot}
    for place, disk in enumerate(machine.disks, 1):
        settings |= {
            f"disk {place} serial number": disk.serial,
            f"disk {place} read only": disk.read_only,
            f"disk {place} shared": disk.shared,
        }
    return settings


def _words(value: object) -> str:
    return "on" if value is True else str(value or "off")

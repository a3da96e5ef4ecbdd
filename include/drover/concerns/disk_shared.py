"""A disk that other machines may write to as well."""

from collections.abc import Iterator

from drover.concerns.finding import critical
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "disk.shared"
WAIVABLE = False


def check(p: Preflight) -> Iterator[Concern]:
    users: dict[str, list[str]] = {}
    for machine in p.source_facts.machines:
        for disk in machine.disks:
            if not disk.read_only:
                users.setdefault(disk.path, []).append(machine.name)
    for disk in p.disks:
        others = sorted(set(users.get(disk.path, ())) - {p.plan.name})
        if disk.shared or (others and not disk.read_only):
            with_whom = f", with {', '.join(others)}" if others else ""
            yield critical(
                ID,
                "Shared disk",
                found=f"Disk {disk.name} of '{p.plan.name}' ({disk.path}) is shared{with_whom}.",
                why="Who else writes to it would go on at the source, and the two copies would part.",
                do="Move the cluster by its own means, or detach the disk first.",
            )

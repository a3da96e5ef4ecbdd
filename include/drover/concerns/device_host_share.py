"""The machine uses a folder, a file or memory of its host."""

from collections.abc import Iterator

from drover.concerns.finding import critical
from drover.concerns.preflight import Preflight, device_kind
from drover.model import Concern

ID = "device.host_share"
WAIVABLE = True
KINDS = frozenset({"filesystem", "host-file", "shared-memory"})


def check(p: Preflight) -> Iterator[Concern]:
    for device in p.devices(KINDS):
        what = {"filesystem": "a folder", "host-file": "a file"}.get(device_kind(device), "memory")
        yield critical(
            ID,
            "Something of the host is shared",
            found=f"Machine '{p.plan.name}' shares {what} with {p.source_host.name} ({device}).",
            why="What is in it lies outside the disks: it is neither backed up nor moved.",
            do="Move the data into a disk and detach what is shared, or provide it at the target by hand.",
        )

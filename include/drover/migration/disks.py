"""Copying and reading a machine's disks, with their manifests kept: what backup, transfer and validate share.

Everything is kept by the source's name of a disk. The target has its own names, so its disks are paired with the
source's by their place in the machine, and never by name: `scsi0:1` here may be `vdb` there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from drover.blocks.endpoint import Endpoint
from drover.blocks.manifest import Manifest, differences
from drover.blocks.readback import read_manifest
from drover.blocks.verified import VerifiedCopy, verified_copy
from drover.errors import CorruptionError
from drover.evidence.files import safe_name
from drover.migration import bandwidth
from drover.migration.move import Move
from drover.migration.stage import Facts
from drover.model import VirtualMachine

T = TypeVar("T")

# What told the state of each disk of the source when it was copied.
SOURCE_VERSIONS = "source_versions.json"
# The same, when it was backed up.
BACKED_UP_VERSIONS = "backed_up_versions.json"
# Says that both ends were compared, and equal, while a live move stood still.
COMPARED = "compared.json"


@dataclass(frozen=True, slots=True)
class Manifests:
    """Where a machine's manifests lie, one Parquet file a disk: `manifests/<side>/<disk>.parquet`."""

    folder: Path

    def save(self, manifests: Mapping[str, Manifest]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for disk, manifest in manifests.items():
            manifest.save(self._file(disk))

    def load(self, disks: list[str]) -> dict[str, Manifest]:
        """:raises CorruptionError: one is missing or cannot be read: unknown is never equal."""
        return {disk: Manifest.load(self._file(disk)) for disk in disks}

    def discard(self) -> None:
        for file in self.folder.glob("*.parquet"):
            file.unlink()

    def _file(self, disk: str) -> Path:
        return self.folder / f"{safe_name(disk)}.parquet"


def manifests(move: Move, side: str) -> Manifests:
    return Manifests(move.store.path("manifests", side))


def pairs(move: Move, there: VirtualMachine) -> dict[str, str]:
    """The source's name of each disk to the target's, by place.

    :raises CorruptionError: the target has more or fewer disks than the source.
    """
    names = [disk.name for disk in move.machine.disks]
    others = [disk.name for disk in there.disks]
    if len(names) != len(others):
        raise CorruptionError(
            f"Machine '{move.name}' has {len(names)} disks at the source and {len(others)} at the target.",
            remedy="Someone attached or took away a disk during the move; take the target away and start the run anew.",
        )
    return dict(zip(names, others, strict=True))


def paired(move: Move, there: VirtualMachine, endpoints: Mapping[str, Endpoint]) -> dict[str, Endpoint]:
    """The target's disks by the source's names of them, in the machine's order."""
    return {name: _end(endpoints, other, "target") for name, other in pairs(move, there).items()}


def shown(move: Move, there: VirtualMachine, kept: Mapping[str, T]) -> dict[str, T]:
    """What is kept by the source's name, under words that a person at either end understands."""
    names = pairs(move, there)
    return {shown_disk(names, disk): value for disk, value in kept.items()}


def shown_disk(names: Mapping[str, str], disk: str) -> str:
    """`vda`, or `scsi0:0 (vda at the target)`. :param names: as `pairs` gives them."""
    other = names.get(disk, disk)
    return disk if other == disk else f"{disk} ({other} at the target)"


def copy_disks(
    move: Move, sources: Mapping[str, Endpoint], targets: Mapping[str, Endpoint], *, journals: bool
) -> dict[str, VerifiedCopy]:
    """Each disk copied and read back, in the machine's order.

    :param journals: resume what an earlier try finished.
    """
    with bandwidth.shared(move) as limit:
        return {
            disk.name: verified_copy(
                _end(sources, disk.name, "source"),
                _end(targets, disk.name, "target"),
                journal=journal(move, disk.name) if journals else None,
                throttle=limit,
                progress=move.store.progress,
            )
            for disk in move.machine.disks
        }


def journal(move: Move, disk: str) -> Path:
    return move.store.path("journals", f"{safe_name(disk)}.journal")


def read_disks(move: Move, endpoints: Mapping[str, Endpoint]) -> dict[str, Manifest]:
    """The manifests of what is there now, each byte read anew."""
    with bandwidth.shared(move) as limit:
        return {
            name: read_manifest(endpoint, throttle=limit, progress=move.store.progress)
            for name, endpoint in endpoints.items()
        }


def refuse_changed_source(move: Move) -> None:
    """The manifest of the source was made during the transfer; an image written since then would go unnoticed.

    :raises CorruptionError: a disk of the source was written after it had been copied.
    """
    known: dict[str, str] = move.store.read_json(SOURCE_VERSIONS) or {}
    with move.source.read_disks(move.name) as sources:
        if gone := sorted(known.keys() - sources.keys()):
            raise CorruptionError(
                f"Disk {gone[0]} of machine '{move.name}' is not at the source any more, so nobody can tell whether it "
                "was written after it had been copied.",
                remedy="Find out who took it away; then run the wave anew.",
            )
        for name, endpoint in sources.items():
            if known.get(name) != endpoint.version:
                raise _written(move, name)
        _refuse_other_bytes(move, {name: endpoint for name, endpoint in sources.items() if not endpoint.version})


def _refuse_other_bytes(move: Move, disks: Mapping[str, Endpoint]) -> None:
    """Where nobody can tell when a disk was written, as of a block device, it is read once more."""
    if not disks:
        return
    before, now = manifests(move, "source").load(list(disks)), read_disks(move, disks)
    for name in disks:
        if differences(before[name], now[name]):
            raise _written(move, name)


def _written(move: Move, disk: str) -> CorruptionError:
    return CorruptionError(
        f"Disk {disk} of machine '{move.name}' was written at the source after it had been copied.",
        remedy="Find out who started the machine; then run the wave anew.",
    )


def copied(move: Move) -> dict[str, Manifest]:
    """What was read from the source, as the transfer recorded it.

    :raises CorruptionError: a manifest is missing, or is another one than was recorded.
    """
    found = manifests(move, "source").load([disk.name for disk in move.machine.disks])
    record = move.store.last("transfer", "passed")
    # A live move records none: it was compared, at both ends at once, while it stood still.
    digests = record.facts.get("digests") if record else None
    for name, manifest in found.items():
        if digests is not None and digests.get(name) != manifest.root:
            raise CorruptionError(
                f"The manifest of disk {name} is not the one that the transfer recorded for machine '{move.name}'.",
                remedy="Something other than Drover wrote it; keep it for whoever looks into it, and run it anew.",
            )
    return found


def _end(endpoints: Mapping[str, Endpoint], disk: str, side: str) -> Endpoint:
    if disk not in endpoints:
        raise CorruptionError(
            f"Disk {disk} is a disk of the machine, but the {side} does not serve it.",
            remedy="Someone changed the machine after the inventory; start the run anew.",
        )
    return endpoints[disk]


def totals(copies: Mapping[str, VerifiedCopy]) -> Facts:
    """What a copy of several disks came to: bytes and seconds, for the record and the report."""
    results = [copy.copy for copy in copies.values()]
    return {
        "bytes_read": sum(result.bytes_read for result in results),
        "bytes_written": sum(result.bytes_written for result in results),
        "bytes_skipped": sum(result.bytes_skipped for result in results),
        "bytes_resumed": sum(result.bytes_resumed for result in results),
        "seconds": round(sum(result.seconds for result in results), 3),
        "healed": sum(len(copy.healed) for copy in copies.values()),
        "digests": {disk: copy.copy.manifest.root for disk, copy in copies.items()},
    }

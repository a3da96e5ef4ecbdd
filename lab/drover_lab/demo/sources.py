"""The disks that a move leaves at the source, held against what was read of them before: digest by digest, all of it.

A machine that was off has not changed by a byte. One that ran went on writing after its backup; but what it was made
with it never writes again, so what the backup still had of that must be there.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

from drover.blocks.endpoint import Endpoint
from drover.blocks.images import serve_image
from drover.blocks.manifest import Manifest, differences
from drover.blocks.nbd_client import Connection
from drover.blocks.ranges import Range
from drover.blocks.readback import read_manifest
from drover.blocks.throttle import Throttle
from drover.evidence.files import safe_name
from drover.migration.disks import Manifests
from drover_lab.demo.ends import Image

# A guest's file system writes no less at a time.
_BLOCK = 4096
# A table has longer runs of zeroes than a piece of a seeded file, or hardly different bytes, as a full bitmap.
_ZEROES, _FEW = 32, 16


def problems(images: Mapping[str, Image], made: Mapping[str, Image], backup: Path, still: Path | None) -> Iterator[str]:
    """What is wrong with the source's disks, or with their backup.

    :param images: as they are now. :param made: as they were when the machine was made.
    :param backup: the folder of the machine's backup. :param still: of the manifests that were read of the source
        when it was off for good, where that was done.
    """
    names = list(images)
    kept = Manifests(backup / "manifests").load(names)
    last = Manifests(still).load(names) if still else {}
    for name, image in images.items():
        with ExitStack() as stack:
            now, saved, first = (
                stack.enter_context(serve_image(path, format=kind, read_only=True))
                for path, kind in (image, (backup / f"{safe_name(name)}.qcow2", "qcow2"), made[name])
            )
            here = _read(now)
            yield from _unequal(f"the backup of disk {name} is not what was backed up", kept[name], _read(saved))
            if name in last:
                yield from _unequal(f"disk {name} changed after it was moved", last[name], here)
            yield from _lost(name, differences(kept[name], here), now, saved, first)


def _read(endpoint: Endpoint) -> Manifest:
    return read_manifest(endpoint, throttle=Throttle(None), progress=lambda _: None)


def _unequal(what: str, expected: Manifest, found: Manifest) -> Iterator[str]:
    ranges = differences(expected, found)
    if ranges:
        yield f"{what}: {len(ranges)} ranges, the first from byte {ranges[0].offset} to {ranges[0].end}"


def _lost(name: str, changed: list[Range], now: Endpoint, saved: Endpoint, first: Endpoint) -> Iterator[str]:
    """The first block of a file that was there since the machine was made, and in the backup, and is another now."""
    with ExitStack() as stack:
        ends = [stack.enter_context(Connection(endpoint)) for endpoint in (now, saved, first)]
        for part in changed:
            for offset in range(part.offset, part.end, _BLOCK):
                block = Range(offset, min(_BLOCK, part.end - offset))
                here, kept, made = (end.read(block) for end in ends)
                if here != kept and kept == made and _is_content(made):
                    yield f"disk {name} lost what its backup has at byte {offset}"
                    return


def _is_content(block: bytearray) -> bool:
    """Whether this can be a piece of a file. A file system's own tables, which are written on, are mostly zeroes."""
    return bytes(_ZEROES) not in block and len(set(block)) > _FEW

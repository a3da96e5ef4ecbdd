"""The disks of both ends read anew, while neither is written: what the transfer suite is asked about."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

from drover.blocks.manifest import Manifest, differences
from drover.errors import CorruptionError
from drover.migration.disks import manifests, paired, pairs, read_disks, shown_disk
from drover.migration.move import Move


def both_ends(move: Move) -> None:
    """Reads source and target, keeps both manifests, and stops at the first difference.

    :raises CorruptionError: names disk and byte ranges.
    """
    there = move.target.machine(move.name)
    names = pairs(move, there)
    # At the same time: a guest stands still meanwhile.
    with (
        move.source.read_disks(move.name) as sources,
        move.target.read_disks(move.name) as targets,
        ThreadPoolExecutor(2) as pool,
    ):
        before, after = pool.map(partial(read_disks, move), (sources, paired(move, there, targets)))
    manifests(move, "source").save(before)
    manifests(move, "target").save(after)
    broken = [
        sentence for disk in before for sentence in _broken(shown_disk(names, disk), before[disk], after.get(disk))
    ]
    if broken:
        raise CorruptionError(
            f"Machine '{move.name}' did not arrive whole: {' '.join(broken)}",
            remedy="The source is started again; look at the target's storage before the next try.",
        )


def _broken(disk: str, before: Manifest, after: Manifest | None) -> list[str]:
    if after is None:
        return [f"disk {disk} is missing at the target."]
    return [
        f"disk {disk} differs from byte {range_.offset} to {range_.offset + range_.length}."
        for range_ in differences(before, after)[:5]
    ]

"""What people wrote about the machine stays behind: its notes, its custom attributes."""

from collections.abc import Iterator

from drover.concerns.finding import information
from drover.concerns.preflight import Preflight
from drover.model import Concern, Strategy

ID = "translation.notes"
WAIVABLE = False
KINDS = frozenset({"attribute"})


def check(p: Preflight) -> Iterator[Concern]:
    yield from _notes(p)
    names = sorted(device.partition(" ")[2] for device in p.devices(KINDS))
    # They belong to the manager: only a move that it makes itself, among its own hosts, keeps them.
    one_manager = p.source_host.id is not None and p.source_host.id == p.target_host.id
    if names and not (one_manager and p.plan.strategy is Strategy.LIVE):
        yield information(
            ID,
            "Custom attributes stay behind",
            found=f"Machine '{p.plan.name}' has custom attributes that are filled in ({', '.join(names)}).",
            why="Programs that choose machines by them (backup, billing) do not find them at the target.",
            do="Fill them in at the target after the move, where something counts on them.",
        )


def _notes(p: Preflight) -> Iterator[Concern]:
    """Between two hosts of one kind the definition keeps them."""
    if p.source is None or p.translated is None or not p.to_another_kind:
        return
    if p.source.notes and p.translated.notes != p.source.notes:
        yield information(
            ID,
            "Notes stay behind",
            found=f"Machine '{p.plan.name}' has notes that people wrote; they are not taken to {p.target_host.name}.",
            why="Who looks at the machine there does not find them.",
            do="Nothing is needed: they are in the backup's definition; copy them where somebody needs them.",
        )

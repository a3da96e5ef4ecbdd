"""What people wrote about the machine stays behind: its notes, its custom attributes, its tags."""

from collections.abc import Iterator

from drover.concerns.finding import information, warning
from drover.concerns.preflight import Preflight
from drover.model import Concern, Strategy

ID = "translation.notes"
WAIVABLE = False
KINDS = frozenset({"attribute", "tag", "tags-unread"})


def check(p: Preflight) -> Iterator[Concern]:
    yield from _notes(p)
    # They belong to the manager: only a move that it makes itself, among its own hosts, keeps them.
    one_manager = p.source_host.id is not None and p.source_host.id == p.target_host.id
    if not (one_manager and p.plan.strategy is Strategy.LIVE):
        yield from _manager(p)


def _manager(p: Preflight) -> Iterator[Concern]:
    """What the manager keeps beside the machine."""
    if names := _named(p, "attribute"):
        yield information(
            ID,
            "Custom attributes stay behind",
            found=f"Machine '{p.plan.name}' has custom attributes that are filled in ({', '.join(names)}).",
            why="Programs that choose machines by them (backup, billing) do not find them at the target.",
            do="Fill them in at the target after the move, where something counts on them.",
        )
    if tags := _named(p, "tag"):
        yield information(
            ID,
            "Tags stay behind",
            found=f"Machine '{p.plan.name}' has tags ({', '.join(tags)}).",
            why="Rules and programs that choose machines by them (backup, storage policies, billing) do not find them.",
            do="Attach tags of the same names at the target after the move, where something counts on them.",
        )
    for reason in _named(p, "tags-unread"):
        yield warning(
            ID,
            "Tags unknown",
            found=f"Nobody can tell whether machine '{p.plan.name}' has tags: {reason}.",
            why="What it has stays behind, and what chooses machines by tags (backup, storage policies) loses it.",
            do="Look at its tags in the vSphere client, or let the connection's user log in to REST on port 443.",
        )


def _named(p: Preflight, kind: str) -> list[str]:
    return sorted(device.partition(" ")[2] for device in p.devices(frozenset({kind})))


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

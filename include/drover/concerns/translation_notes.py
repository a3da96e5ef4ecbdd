"""What people wrote about the machine stays behind."""

from collections.abc import Iterator

from drover.concerns.finding import information
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "translation.notes"
WAIVABLE = False


def check(p: Preflight) -> Iterator[Concern]:
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

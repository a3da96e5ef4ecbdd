"""The machine is what an earlier move made or left behind, not the one that is in use."""

from collections.abc import Iterator

from drover.concerns.finding import critical, unknown
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "machine.left_behind"
WAIVABLE = False

_LABEL = "Machine belongs to an earlier move"
_MEANING = {
    "migrated": "is the source that was left behind when the machine was moved away; the one in use is elsewhere",
    "retiring": "is the source of an earlier move, and is being removed by a decommission",
    "kept": "was rolled back and is kept only for its data; the one in use is elsewhere",
    "target": "is being made by a move that has not been committed",
}


def check(p: Preflight) -> Iterator[Concern]:
    tag = p.source.ownership if p.source else None
    if tag is None or tag.role in ("committed", "returned", "restored"):
        return
    meaning = _MEANING.get(tag.role)
    if meaning is None:
        yield unknown(
            ID,
            _LABEL,
            what=f"what the tag '{tag.role}' means that wave '{tag.wave}' left on machine '{p.plan.name}'",
            do="Use the version of Drover that wrote it.",
        )
        return
    yield critical(
        ID,
        _LABEL,
        found=f"Machine '{p.plan.name}' on {p.source_host.name} {meaning} (wave '{tag.wave}', run {tag.run}).",
        why="Moving it would bring old data to life beside the new.",
        do="Take it out of this wave, or roll that run back first.",
    )

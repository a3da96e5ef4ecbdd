"""What an earlier run of the wave has moved is not moved again: a wave is run anew for those that it could not move."""

from drover.migration.move import Move
from drover.waves.moved import arrived, left_behind

# In the facts of the stage that found it: the run that has moved the machine.
MOVED_BY = "moved_by"


def moved_by(move: Move) -> str | None:
    """The run that has moved it, where its machine is at the target now; None where this run is to move it.

    A source that was left behind without a machine at the target is no such case: somebody must look at that.
    """
    there = move.target.find(move.name)
    tag = arrived(move.wave, move.plan, [there] if there else [])
    if tag is None or tag.run == move.run:
        return None
    # A platform that takes the machine along leaves nothing, and a removed source is no more.
    here = move.source.find(move.name)
    return tag.run if here is None or left_behind(move.wave, move.plan, [here]) else None

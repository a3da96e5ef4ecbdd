"""A running machine is read from a checkpoint, and this one's settings forbid it or let its guest refuse it."""

from collections.abc import Iterator

from drover.concerns.finding import critical, unknown, warning
from drover.concerns.preflight import Preflight
from drover.model import Concern, PowerState

ID = "machine.checkpoints"
WAIVABLE = False
KINDS = frozenset({"checkpoints"})


def check(p: Preflight) -> Iterator[Concern]:
    """The words are `checkpoints <type>`, for types other than the usual ones."""
    if p.source is None:
        return
    if p.source.state is PowerState.OFF:
        yield from _kept(p)
        return
    for device in p.devices(KINDS):
        kind = device.partition(" ")[2]
        if not kind:
            yield unknown(
                ID,
                "Checkpoints not known",
                what=f"whether '{p.plan.name}' may have checkpoints",
                do="Look at it at the source (Get-VM | Select CheckpointType).",
            )
        elif kind == "Disabled":
            yield critical(
                ID,
                "Checkpoints are off",
                found=f"Machine '{p.plan.name}' runs, and its checkpoints are off.",
                why="Its disks are read from a checkpoint while it runs, so its backup would fail.",
                do="Allow them (Set-VM -CheckpointType Production), or shut it down before the wave and move it cold.",
            )
        else:
            yield warning(
                ID,
                "Its guest may refuse checkpoints",
                found=f"Machine '{p.plan.name}' takes no other checkpoints than its guest agrees to ({kind}).",
                why="Where the guest cannot freeze its file systems at that moment, its backup fails.",
                do="Make one in Hyper-V Manager and see that it works, or allow others "
                "(Set-VM -CheckpointType Production).",
            )


def _kept(p: Preflight) -> Iterator[Concern]:
    """It is read as it is; what is made of it at another Hyper-V host has to take checkpoints for its trial."""
    if "checkpoints Disabled" in p.devices(KINDS) and not p.to_another_kind:
        yield warning(
            ID,
            "Checkpoints will be on",
            found=f"The checkpoints of machine '{p.plan.name}' are off, and at the target they are not.",
            why="Its trial there is a checkpoint, and whoever turned them off may count on it.",
            do="Turn them off there after the move (Set-VM -CheckpointType Disabled).",
        )

"""Whether an earlier run of a wave has moved a machine, from the tags that it left at both ends."""

from collections.abc import Iterable

from drover.model import Ownership, VirtualMachine
from drover.waves.schema import MachinePlan, Wave


def left_behind(wave: Wave, plan: MachinePlan, here: Iterable[VirtualMachine]) -> Ownership | None:
    """The tag of the source that a committed move of this very wave left. :param here: the source's machines."""
    return _tag(wave, plan, here, "migrated")


def arrived(wave: Wave, plan: MachinePlan, there: Iterable[VirtualMachine]) -> Ownership | None:
    """The tag of the machine that a committed move of this very wave made. :param there: the target's machines."""
    return _tag(wave, plan, there, "committed")


def _tag(wave: Wave, plan: MachinePlan, machines: Iterable[VirtualMachine], role: str) -> Ownership | None:
    tags = (machine.ownership for machine in machines if machine.name == plan.name)
    wanted = (wave.wave, plan.name, role)
    return next((tag for tag in tags if tag is not None and (tag.wave, tag.machine, tag.role) == wanted), None)

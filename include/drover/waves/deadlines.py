"""How long a step of a machine may take, from the deadlines that the wave file gives its guest. All in seconds."""

from drover.waves.order import downstream
from drover.waves.schema import MachinePlan, Wave

# Beside the guest's own time: a busy host, disks that are looked at, another task that must end first.
_MARGIN = 30 * 60.0
_ROLLBACK_MARGIN = 2 * 3600.0
_EACH = 60.0
_LONGEST_WAIT = 3600.0


def answering(plan: MachinePlan) -> float:
    """For a step that starts a guest and waits for its answers."""
    return plan.boot_deadline + _MARGIN


def measuring(wave: Wave) -> float:
    """For a step that looks how a machine performs."""
    return (wave.performance.baseline if wave.performance else 0.0) + _MARGIN


def taking_back(wave: Wave, plan: MachinePlan) -> float:
    """For a rollback: a late shut-down, the machines that go back before this one, the boot, its answers."""
    return plan.shutdown_deadline + plan.boot_deadline + patience(wave, plan) + _ROLLBACK_MARGIN


def patience(wave: Wave, plan: MachinePlan) -> float:
    """How long a machine's rollback waits for those of the machines that need it: one after the other at worst."""
    needing = downstream(wave, plan.name)
    return min(_LONGEST_WAIT, sum(_EACH + each.shutdown_deadline + each.boot_deadline for each in needing))

"""How long a wave will take, from what its disks hold and how fast bytes have been seen to move.

An estimate, not a promise: it says on what it rests. Seconds throughout, bytes a second for rates.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from drover.model import Strategy, VirtualMachine
from drover.waves.schema import MachinePlan, Wave

MIB = 1024**2
# Measured with Drover's own SSH path on two cores without hardware help: 322 MiB/s in one direction. A transfer goes
# in one direction from the source and in another to the target over the same machine, which halves it.
READ_RATE = 322 * MIB
COPY_RATE = READ_RATE // 2
# A live move copies disks and memory from host to host; a busy guest writes meanwhile, and that is copied again.
LIVE_RATE = COPY_RATE
LIVE_REWRITES = 1.2
# What takes its time whatever the size: shutting down, defining, reading the files of a guest offline, booting.
FIXED = {Strategy.COLD: 90.0, Strategy.LIVE: 60.0}


@dataclass(frozen=True, slots=True)
class Estimate:
    """:param data: bytes that the disks hold. :param basis: on what it rests, in words."""

    seconds: float
    data: int
    basis: str


def estimate_machine(wave: Wave, plan: MachinePlan, machine: VirtualMachine) -> Estimate:
    """Backup, transfer, read-back and boot of one machine that has the link to itself."""
    data = sum(disk.allocated for disk in machine.disks)
    copy, read = _limited(wave, COPY_RATE), _limited(wave, READ_RATE)
    backup = data / copy + data / READ_RATE  # the backup lies here: reading it back leaves the link alone
    if plan.strategy is Strategy.LIVE:
        moving = (data * LIVE_REWRITES + machine.memory) / _limited(wave, LIVE_RATE)
        check = 2 * data / read if plan.compare_at_switchover else 0.0
    else:
        moving, check = data / copy, data / read
    return Estimate(backup + moving + check + FIXED[plan.strategy], data, basis(wave))


def estimate_wave(order: Sequence[Sequence[str]], machines: Mapping[str, tuple[float, Strategy]]) -> float:
    """The whole wave: tier after tier; machines of one tier share the link, so only their fixed times overlap.

    :param machines: seconds and strategy by name; a machine that is not here counts for nothing.
    """
    total = 0.0
    for tier in order:
        known = [machines[name] for name in tier if name in machines]
        fixed = [FIXED[strategy] for _, strategy in known]
        total += sum(seconds for seconds, _ in known) - sum(fixed) + max(fixed, default=0.0)
    return total


def basis(wave: Wave) -> str:
    """On what the estimates of this wave rest."""
    copy = _limited(wave, COPY_RATE)
    why = "the wave's bandwidth limit" if copy < COPY_RATE else "as measured through SSH on two cores"
    return f"{copy / MIB:.0f} MiB/s copying ({why}), what the disks hold now, tiers one after the other"


def _limited(wave: Wave, rate: int) -> int:
    return rate if wave.bandwidth is None else min(rate, wave.bandwidth)

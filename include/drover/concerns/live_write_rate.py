"""A running machine writes as fast as the wave's bandwidth lets its disks be copied, so that the copy never ends.

A person may know better: what was seen was a burst, or it moves at an hour when it writes less.
"""

from collections.abc import Iterator

from drover.concerns.finding import critical, size, unknown, warning
from drover.concerns.preflight import Preflight
from drover.model import Concern, PowerState, Strategy

ID = "live.write_rate"
WAIVABLE = True

_LABEL = "Live move that may never end"
_WHY = "What is written is copied again, and with all of the limit for itself the copy would not catch up."
_DO = "Give the wave more bandwidth, move it at an hour when it writes less, or give it the strategy 'cold'."


def check(p: Preflight) -> Iterator[Concern]:
    """Platforms that take the machine along by their own live move know no limit."""
    limit = p.wave.bandwidth
    if limit is None or p.plan.strategy is not Strategy.LIVE or p.source_facts.takes_along is not False:
        return
    if p.source is None or p.source.state is not PowerState.RUNNING:
        return  # told by machine.unknown or machine.power_state
    if p.writes is None:
        yield unknown(
            ID,
            _LABEL,
            what=f"how much '{p.plan.name}' writes to its disks, so whether its live move ends under the wave's limit "
            f"of {size(limit)} a second",
            do="Check the hypervisor's counters, leave 'bandwidth' out of the wave, or move it 'cold'.",
        )
        return
    found = f"Machine '{p.plan.name}' writes {size(p.writes)} a second, and the wave's bandwidth is {size(limit)}."
    if p.writes >= limit:
        yield critical(ID, _LABEL, found=found, why=_WHY, do=_DO)
    elif p.writes >= limit / max(1, len(p.disks)):
        yield warning(
            ID,
            _LABEL,
            found=found,
            why=f"Each of its {len(p.disks)} disks gets an equal part of the limit; if most goes to one of them, the "
            "copy of that one does not catch up.",
            do=_DO,
        )

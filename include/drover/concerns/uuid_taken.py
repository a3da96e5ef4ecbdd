"""The target has another machine with this machine's UUID."""

from collections.abc import Iterator

from drover.concerns.finding import critical, unknown
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "target.uuid_taken"
WAIVABLE = False

_LABEL = "UUID taken at the target"


def check(p: Preflight) -> Iterator[Concern]:
    if p.source is None:
        return
    if not p.source.uuid:
        yield unknown(ID, _LABEL, what=f"the UUID of '{p.plan.name}'", do="Correct its definition at the source.")
        return
    for machine in p.strangers:
        if machine.uuid.lower() == p.source.uuid.lower() and machine.name != p.plan.name:
            yield critical(
                ID,
                _LABEL,
                found=f"Machine '{machine.name}' on {p.target_host.name} has the UUID {machine.uuid} of this machine.",
                why="The hypervisor takes them for one machine, and guests tie licences and cloud-init to it.",
                do="Remove or redefine that one by hand; it is often a forgotten copy.",
            )

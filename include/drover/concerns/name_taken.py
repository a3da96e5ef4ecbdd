"""The target has a machine of this name that this move did not make."""

from collections.abc import Iterator

from drover.concerns.finding import critical
from drover.concerns.preflight import Preflight
from drover.model import Concern, PowerState

ID = "target.name_taken"
WAIVABLE = False

_LABEL = "Name taken at the target"


def check(p: Preflight) -> Iterator[Concern]:
    for machine in p.target_machines:
        if machine.name != p.plan.name:
            continue
        tag = p.made_by(machine)
        if tag is not None and tag.role == "target" and machine.state is PowerState.OFF:
            # An unfinished try of this very move: it goes on from there.
            continue
        whose = f"made by wave '{machine.ownership.wave}' in run {machine.ownership.run}" if machine.ownership else ""
        role = f", which keeps it as '{machine.ownership.role}'" if machine.ownership else "that Drover did not make"
        yield critical(
            ID,
            _LABEL,
            found=f"{p.target_host.name} has a machine '{machine.name}' {whose}{role}.",
            why="It is never overwritten, and two machines cannot share a name there.",
            do="Rename or remove that one by hand once you are sure that nobody needs it.",
        )

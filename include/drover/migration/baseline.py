"""How the machine performs at the source, before anything is done to it."""

from drover.migration import measuring
from drover.migration.move import Move
from drover.migration.stage import Facts, require, stage
from drover.model import PowerState


@stage("baseline")
def run(move: Move) -> Facts:
    require(move, "preflight")
    plan = measuring.plan_of(move)
    if move.machine.state is not PowerState.RUNNING:
        measuring.keep(move, None)
        return {"measured": "nothing: the machine is off"}
    found = measuring.usage(move, move.source, plan.baseline)
    measuring.keep(move, found)
    return measuring.facts_of(found)

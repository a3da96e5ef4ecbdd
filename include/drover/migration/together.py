"""What one machine's failure means for the others of its wave, where the wave says `on_failure: take back`."""

from drover.errors import OperatorNeededError
from drover.evidence.store import RunStore
from drover.migration.move import Move
from drover.migration.outcome import Facts, outcomes
from drover.waves.order import tiers
from drover.waves.schema import MachinePlan, Wave

TAKE_BACK = "take back"


def to_take_back(wave: Wave, run: RunStore) -> tuple[list[MachinePlan], str]:
    """The machines that were moved though another was not, in reverse order, and why they go back.

    Asked again by a retry, it says the same: those that are back already count neither as moved nor as a reason.
    """
    found = outcomes(wave, run)
    lost = {
        name: facts
        for name, facts in found.items()
        if facts["state"] != "moved earlier" and run.machine(name).last("commit", "passed") is None
    }
    backwards = [plan for tier in reversed(tiers(wave)) for plan in tier]
    return ([plan for plan in backwards if found[plan.name]["state"] == "moved"] if lost else []), _why(lost)


def _why(lost: dict[str, Facts]) -> str:
    # Those that were not begun only waited for another one.
    begun = {name: facts for name, facts in lost.items() if facts["state"] != "not begun"} or lost
    reasons = [f"'{name}' was not moved ({facts.get('why', facts['state'])})" for name, facts in begun.items()]
    return f"the wave says that all come back when one is not moved: {'; '.join(reasons[:3])}"


def refuse_lost_wave(move: Move) -> None:
    """A machine that would only be moved to be taken back is not begun.

    :raises OperatorNeededError: another machine of the wave was taken back in this run.
    """
    if move.wave.on_failure != TAKE_BACK:
        return
    for plan in move.wave.machines:
        last = move.store.run.machine(plan.name).last("rollback", "passed")
        if plan.name != move.name and last is not None and "nothing" not in last.facts:
            raise OperatorNeededError(
                f"Machine '{move.name}' is not begun: '{plan.name}' was taken back in this run, and the wave says that "
                "then none stays at the target.",
                remedy="Mend what took it back, then trigger the wave anew.",
            )

"""What each strategy proves about a machine's move, and what it cannot. Said in the plan and in the report."""

from dataclasses import dataclass

from drover.model import Strategy
from drover.waves.schema import MachinePlan


@dataclass(frozen=True, slots=True)
class Proofs:
    proves: tuple[str, ...]
    cannot_prove: tuple[str, ...]


_ALWAYS = ("a verified backup of every disk", "the machine's settings")


def proofs(plan: MachinePlan) -> Proofs:
    """For this machine as the wave file has it."""
    proves = [*_ALWAYS]
    cannot: list[str] = []
    if plan.strategy is Strategy.COLD:
        proves += ["every block of every disk, read back from the target", "every file in the guest"]
    elif plan.compare_at_switchover:
        proves += ["every block of every disk, compared while the guest is paused", "the files that nothing changed"]
    else:
        proves.append("the files that nothing should have changed")
        cannot.append("every block: the guest writes while it moves")
    (proves if plan.checks else cannot).append("that its application answers")
    return Proofs(tuple(proves), tuple(cannot))

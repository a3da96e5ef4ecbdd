"""What each strategy proves about a machine's move, and what it cannot. Said in the plan and in the report."""

from dataclasses import dataclass

from drover.model import Strategy
from drover.waves.schema import MachinePlan


@dataclass(frozen=True, slots=True)
class Proofs:
    proves: tuple[str, ...]
    cannot_prove: tuple[str, ...]


_ALWAYS = ("a verified backup of every disk", "the machine's settings")
_WRITES = "every block: the guest writes while it moves"


def proofs(plan: MachinePlan, *, along: bool = False) -> Proofs:
    """For this machine as the wave file has it.

    :param along: a live move of its platform takes the machine along, so that nothing of it stays at the source.
    """
    proves = [*_ALWAYS]
    cannot: list[str] = []
    if plan.strategy is Strategy.COLD:
        proves += ["every block of every disk, read back from the target", "every file in the guest"]
    elif along:
        # Each block is in the backup as it was before the move; there is nothing else to hold the target against.
        proves.append("the files that nothing should have changed, compared with the backup, which alone stays behind")
        cannot += [_WRITES, "what was written since the backup: the source keeps nothing of the machine"]
    elif plan.compare_at_switchover:
        proves += ["every block of every disk, compared while the guest is paused", "the files that nothing changed"]
    else:
        proves.append("the files that nothing should have changed")
        cannot.append(_WRITES)
    (proves if plan.checks else cannot).append("that its application answers")
    return Proofs(tuple(proves), tuple(cannot))

"""The application suite: the checks that the wave file names, as they went."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from drover.guest.result import CheckResult
from drover.quality.runner import Check, Table, run
from drover.quality.verdict import Verdict
from drover.quality.words import between, filled, one_of

_COLUMNS = ["name", "passed", "detail", "attempts", "seconds"]


def validate(results: Sequence[CheckResult], folder: Path) -> Verdict:
    """A machine for which no checks are named passes: that nothing was asked is the plan's concern."""
    import pandas as pd

    rows = [(r.name, "yes" if r.passed is True else "no", r.detail, r.attempts, r.seconds) for r in results]
    frame = pd.DataFrame(rows, columns=_COLUMNS)
    checks = [
        Check("ExpectTableRowCountToEqual", "Every check has a result.", {"value": len(results)}),
        Check("ExpectTableColumnsToMatchOrderedList", "The table has its columns.", {"column_list": _COLUMNS}),
        filled("name", "Every check has a name."),
        one_of("passed", ["yes"], "Every check passed.", lambda: _failed(results)),
        between("attempts", 1, None, "Every check was really asked.", lambda: _not_asked(results)),
    ]
    return run("application", [Table("application", frame, checks)], folder)


def _failed(results: Sequence[CheckResult]) -> Iterable[str]:
    for result in results:
        if result.passed is not True:
            yield (
                f"The check {result.name} failed after {result.attempts} attempts in {result.seconds:.0f} s: "
                f"{result.detail} Look at the application's log in the guest."
            )


def _not_asked(results: Sequence[CheckResult]) -> Iterable[str]:
    for result in results:
        if result.attempts < 1:
            yield f"The check {result.name} was never asked. Give the machine more time (boot_deadline)."

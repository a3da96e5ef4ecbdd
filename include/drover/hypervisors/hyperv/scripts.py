"""The scripts beside this module, one a verb: reviewed files, and the only PowerShell that Drover ever sends."""

from functools import cache
from pathlib import Path
from typing import Any

from drover.errors import OperatorNeededError
from drover.hypervisors.hyperv.session import DEADLINE, Session

_FOLDER = Path(__file__).with_name("scripts")


def names() -> list[str]:
    return sorted(path.stem for path in _FOLDER.glob("*.ps1"))


@cache
def text(name: str) -> str:
    return (_FOLDER / f"{name}.ps1").read_text(encoding="ascii")


def run(session: Session, script: str, /, *, deadline: float = DEADLINE, **parameters: Any) -> list[Any]:
    """Runs one of them. :param parameters: data, whatever is in it."""
    return session.run(text(script), parameters, deadline=deadline)


def run_one(session: Session, script: str, /, **parameters: Any) -> Any:
    """The one value that the script answers with."""
    found = run(session, script, **parameters)
    if len(found) != 1:
        raise OperatorNeededError(
            f"{session.target.host} gave {len(found)} answers to '{script}' where there is one.",
            remedy="See whether its Hyper-V service runs and is whole.",
        )
    return found[0]

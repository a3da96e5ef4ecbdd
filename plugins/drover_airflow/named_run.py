"""The run that a person names in a form, and machines of it."""

from collections.abc import Mapping
from typing import Any, NoReturn

from airflow.sdk import Param

from drover.errors import BadInputError
from drover_airflow import kept as kept_waves
from drover_airflow.kept import Kept


def fields(empty: str) -> dict[str, Param]:
    """The fields of a trigger form. :param empty: which machines are meant where none is named."""
    return {
        "wave": Param(type="string", minLength=1, title="Wave", description="Its name, as in the wave file."),
        "run": Param(
            None, type=["null", "string"], title="Run", description="The id of its DAG run. Empty: the newest one."
        ),
        "machines": Param(
            [],
            type="array",
            items={"type": "string"},
            title="Machines",
            description=f"Names, one a line. Empty: {empty}.",
        ),
    }


def run_of(answers: Mapping[str, Any]) -> Kept:
    """:raises BadInputError: there is no such run."""
    wave = answers["wave"]
    run = answers["run"] or kept_waves.newest_run(wave)
    kept = kept_waves.of_run(wave, run) if run else None
    if kept is None:
        refuse(f"Nothing is known of {f'a run {run!r}' if run else 'any run'} of the wave {wave!r}.")
    return kept


def machines_of(answers: Mapping[str, Any], kept: Kept) -> set[str]:
    """The names in the form. :raises BadInputError: the run has no such machine."""
    named = set(answers["machines"])
    if missing := sorted(named - {plan.name for plan in kept.wave.machines}):
        refuse(f"The wave '{kept.wave.wave}' has no machine {', '.join(map(repr, missing))} in run {kept.run}.")
    return named


def refuse(what: str, remedy: str = "Take the names from the page of the wave's DAG.") -> NoReturn:
    raise BadInputError(what, remedy=remedy)

"""What is still at work, as Airflow tells any task that asks: a run, or what one machine's tasks in it have come to."""

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from drover_airflow.kept import Kept

_AT_WORK = ["queued", "running"]
# What is in one of these will not go on unless somebody clears it.
_ENDED = {"success", "failed", "skipped", "upstream_failed", "removed"}
# The groups of a machine's tasks in DAGs that do not know their machines when they are parsed; a wave's has its key.
GROUPS = {"migrate_vm": "machine", "evacuate_host": "each.machine"}
# How the name of a mapped task ends in Airflow's answer.
_MAPPED = re.compile(r"_(\d+)$")


@dataclass(frozen=True)
class AtWork:
    """:param runs: whether a run (of this DAG, with this id) is at work. :param tasks: the states of its tasks."""

    runs: Callable[[str, str], bool]
    tasks: Callable[[str, str], Mapping[str, str | None]]

    def run(self, kept: Kept) -> bool:
        return self.runs(kept.dag, kept.run)

    def at(self, kept: Kept, machine: str) -> bool:
        """Whether the run may still do something to this machine: not once each of its tasks has ended.

        A rollback that is to be tried again has not ended. Of a machine without any tasks nobody knows it.
        """
        if not self.run(kept):
            return False
        states = self._states(kept, machine)
        return not states or any(state not in _ENDED for state in states)

    def _states(self, kept: Kept, machine: str) -> list[str | None]:
        found = ((number, plan.key) for number, plan in enumerate(kept.wave.machines) if plan.name == machine)
        number, key = next(found, (-1, machine))
        group = GROUPS.get(kept.dag, key)
        return [
            state
            for task, state in self.tasks(kept.dag, kept.run).items()
            if task.startswith(f"{group}.") and _may_be(task, number)
        ]


def _may_be(task: str, number: int) -> bool:
    """A task of a mapped group that was not mapped yet is one of every machine."""
    mapped = _MAPPED.search(task)
    return mapped is None or int(mapped[1]) == number


def of(ti: Any) -> AtWork:
    """Asks Airflow through the task that runs, as its public interface lets any task; of each run's tasks once."""

    @functools.cache
    def tasks(dag: str, run: str) -> Mapping[str, str | None]:
        found: Mapping[str, Mapping[str, str | None]] = ti.get_task_states(dag_id=dag, run_ids=[run])
        return found.get(run, {})

    return AtWork(lambda dag, run: bool(ti.get_dr_count(dag_id=dag, run_ids=[run], states=_AT_WORK)), tasks)

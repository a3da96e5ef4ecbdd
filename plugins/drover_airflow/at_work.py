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
# What is in one of these does nothing now, and goes on only where a scheduler and a worker take it up.
_WAITS = {None, "scheduled", "queued", "up_for_retry", "up_for_reschedule"}
# The groups of a machine's tasks in DAGs that do not know their machines when they are parsed; a wave's has its key.
GROUPS = {"migrate_vm": "machine", "evacuate_host": "each.machine"}
# The task of a wave that takes back what was committed, one for each machine.
TAKE_BACK = "wave--take_back"
# How the name of a mapped task ends in Airflow's answer.
_MAPPED = re.compile(r"_(\d+)$")


@dataclass(frozen=True)
class AtWork:
    """:param runs: whether a run (of this DAG, with this id) is at work. :param tasks: the states of its tasks.

    :param paused: whether this DAG is paused, so that none of its tasks is begun.
    """

    runs: Callable[[str, str], bool]
    tasks: Callable[[str, str], Mapping[str, str | None]]
    paused: Callable[[str], bool] = lambda _: False

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

    def waits(self, kept: Kept, machine: str) -> bool:
        """Whether all that the run has still to do to this machine waits for a scheduler or a worker."""
        states = self._states(kept, machine)
        return bool(states) and all(state in _WAITS | _ENDED for state in states)

    def rollback_waits(self, kept: Kept, machine: str) -> bool:
        """The same, and what is still to be done is to take it back, because a task of its failed."""
        return self.waits(kept, machine) and "failed" in self._states(kept, machine)

    def take_back_waits(self, kept: Kept) -> bool:
        """The same for what the wave's last tasks have to take back, which are no machine's own."""
        states = [state for task, state in self.tasks(kept.dag, kept.run).items() if task.startswith(TAKE_BACK)]
        return bool(states) and all(state in _WAITS | _ENDED for state in states)

    def runs_now(self, kept: Kept, machine: str) -> bool:
        """Whether a worker has a task of this machine, as far as Airflow knows."""
        return "running" in self._states(kept, machine)

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

    @functools.cache
    def paused(dag: str) -> bool:
        return bool(ti.get_dag(dag_id=dag).is_paused)

    return AtWork(lambda dag, run: bool(ti.get_dr_count(dag_id=dag, run_ids=[run], states=_AT_WORK)), tasks, paused)

"""Runs a parsed DAG's tasks in its own order and by its own trigger rules, without an Airflow around it."""

from collections import defaultdict
from types import SimpleNamespace

from airflow.sdk import BaseOperator
from airflow.sdk.definitions.mappedoperator import MappedOperator
from airflow.sdk.exceptions import AirflowException, AirflowSkipException

LOST = ("failed", "upstream_failed")


class DagRun:
    """:ivar states: by task id, as the others. :ivar results: what each returned. :ivar errors: in words."""

    def __init__(self, dag, run):
        self.dag = dag
        self.context = {"run_id": run, "outlet_events": defaultdict(SimpleNamespace)}
        self.states = {}
        self.results = {}
        self.errors = {}

    def run(self):
        waiting = dict(self.dag.task_dict)
        while waiting:
            ready = [task for task in waiting.values() if task.upstream_task_ids <= self.states.keys()]
            assert ready, f"these wait for each other: {sorted(waiting)}"
            for task in ready:
                del waiting[task.task_id]
                self.states[task.task_id] = self._state(task) or self._execute(task)
        return self

    def _state(self, task):
        """How it ends without being run; None where it runs."""
        before = [self.states[name] for name in task.upstream_task_ids]
        if task.trigger_rule == "one_failed":
            return None if any(state in LOST for state in before) else "skipped"
        if task.trigger_rule in ("all_success", "none_failed"):
            if any(state in LOST for state in before):
                return "upstream_failed"
            return "skipped" if "skipped" in before and task.trigger_rule == "all_success" else None
        assert task.trigger_rule == "all_done"
        return None

    def _execute(self, task):
        try:
            if isinstance(task, MappedOperator):
                (upstream,) = task.upstream_task_ids
                # As Airflow does: a mapped task without anything to map is skipped.
                if not self.results[upstream]:
                    return "skipped"
                for values in self.results[upstream]:
                    one = task.operator_class(task_id="mapped", **values)
                    self.results.setdefault(task.task_id, []).append(one.execute(self.context))
            else:
                assert isinstance(task, BaseOperator)
                self.results[task.task_id] = task.execute(self.context)
        except AirflowSkipException:
            return "skipped"
        except AirflowException as error:
            self.errors[task.task_id] = str(error)
            return "failed"
        return "success"

"""Watching a wave from the terminal: what each machine does now, from Airflow, and how far, from the store.

A terminal shows a bar for each machine; anything else gets one plain line whenever something begins or ends.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from drover.errors import RetryableError
from drover.evidence.store import RunStore
from drover_lab.demo.api import Airflow

# The steps of a machine, and about which share of its way each is.
STEPS = {
    "inventory": 6, "preflight": 6, "backup": 22, "restore-test": 2, "transfer": 25, "validate": 23, "test": 8,
    "approval": 0, "cutover": 6, "commit": 2,
}  # fmt: skip
_BUSY = ("running", "queued", "scheduled", "deferred", "up_for_retry", "restarting", "awaiting_input")
_ASKS = "awaiting_input"
# Seconds. Answered sooner, a task may come back before a busy scheduler has heard that it waits, and then is ended
# (apache/airflow#72716). No person is that quick.
_HEARD = 10.0
_ENDED = ("success", "failed")
_BETWEEN_LOOKS = 1.0
# A wave of the lab takes minutes, a quarter of an hour on a busy machine; whatever takes this long hangs.
_LONGEST = 1800.0

States = dict[str, dict[str, str]]


def follow(
    airflow: Airflow,
    dag_id: str,
    run: str,
    store: RunStore,
    machines: Sequence[str],
    console: Console,
    asked: Callable[[str], None],
) -> str:
    """Shows the run until it ends, and returns how: `success` or `failed`.

    :param machines: names, which in the lab are also their task groups' ids.
    :param asked: called once with the id of a task that waits for a person.
    :raises RetryableError: Airflow does not answer any more, or the run does not end though nobody is asked.
    """
    end = time.monotonic() + _LONGEST
    waiting: dict[str, float] = {}
    with _display(machines, console) as show:
        while time.monotonic() < end:
            tasks = airflow.tasks(dag_id, run)
            show(states_of(tasks, machines), {name: _share(store, name) for name in machines})
            asking = {str(task["task_id"]) for task in tasks if task["state"] == _ASKS}
            if asking:
                # How long a person may take is the wave's to say: it goes back by itself after that.
                end = time.monotonic() + _LONGEST
            waiting = {task_id: waiting.get(task_id, time.monotonic() + _HEARD) for task_id in sorted(asking)}
            for task_id in [task_id for task_id, due in waiting.items() if time.monotonic() >= due]:
                asked(task_id)
                waiting[task_id] = math.inf
            state = airflow.run_state(dag_id, run)
            if state in _ENDED:
                show(states_of(airflow.tasks(dag_id, run), machines), {})
                return state
            time.sleep(_BETWEEN_LOOKS)
    raise RetryableError(
        f"The run {run} did not end within {_LONGEST:g} s, in which nobody was asked anything.",
        remedy="Look at it in Airflow's UI.",
    )


def states_of(tasks: Sequence[Mapping[str, Any]], machines: Sequence[str]) -> States:
    """Machine -> step -> state."""
    found: States = {name: {} for name in machines}
    for task in tasks:
        group, _, step = str(task["task_id"]).partition(".")
        if group in found:
            found[group][step] = str(task["state"] or "")
    return found


def done(states: Mapping[str, str], share: float) -> float:
    """How far a machine is, 0 to 100. :param share: how far its step under way is, 0 to 1."""
    whole = sum(weight for step, weight in STEPS.items() if states.get(step) == "success")
    begun = sum(weight for step, weight in STEPS.items() if states.get(step) in ("running", "deferred"))
    return min(100.0, whole + begun * share)


def current(states: Mapping[str, str]) -> str:
    """What to say of a machine."""
    if states.get("commit") == "success":
        return "moved"
    rollback = states.get("rollback", "")
    if rollback in ("running", "queued", "scheduled", "up_for_retry"):
        return "rollback"
    failed = next((step for step in STEPS if states.get(step) == "failed"), None)
    if failed:
        return f"{failed} failed, source runs again" if rollback == "success" else f"{failed} failed"
    busy = next((step for step in STEPS if states.get(step) in _BUSY), None)
    if busy and states[busy] == _ASKS:
        return "waits for a person"
    if busy:
        return f"{busy} (again)" if states[busy] in ("up_for_retry", "restarting") else busy
    return {"upstream_failed": "not begun", "skipped": "moved earlier"}.get(states.get("inventory", ""), "waits")


def _share(store: RunStore, name: str) -> float:
    progress = store.machine(name).read_progress()
    return progress.done / progress.total if progress and progress.total else 0.0


@contextmanager
def _display(machines: Sequence[str], console: Console) -> Iterator[Callable[[States, Mapping[str, float]], None]]:
    if not console.is_terminal:
        told: States = {name: {} for name in machines}
        yield lambda states, _: _lines(states, told, console)
        return
    columns = (TextColumn("{task.fields[name]:<10}"), BarColumn(40), TextColumn("{task.description}"))
    with Progress(*columns, TimeElapsedColumn(), console=console) as bars:
        rows = {name: bars.add_task("waits", total=100, name=name) for name in machines}
        yield lambda states, shares: _bars(states, shares, bars, rows)


def _bars(states: States, shares: Mapping[str, float], bars: Progress, rows: Mapping[str, TaskID]) -> None:
    for name, row in rows.items():
        bars.update(row, completed=done(states[name], shares.get(name, 0.0)), description=current(states[name]))


def _lines(states: States, told: States, console: Console) -> None:
    """Only what is new: a task that waited without a worker and runs again has not begun again."""
    for name, steps in states.items():
        for step in (*STEPS, "rollback"):
            state = steps.get(step, "")
            if state in _WORDS and state != told[name].get(step):
                console.print(f"{name}: {step} {_WORDS[state]}", markup=False, highlight=False)
                told[name][step] = state


_WORDS = {
    "running": "begins",
    "success": "done",
    "failed": "FAILED",
    "awaiting_input": "waits for a person",
    "up_for_retry": "failed, is tried again",
}

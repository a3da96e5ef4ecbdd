"""What the demo ends with: a table of what was moved and proven, or which task failed, why, and where its log is."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from drover.evidence.store import MachineStore, RunStore
from drover_lab.demo.home import Home

_HEADS = ("machine", "strategy", "read", "moved", "MB/s", "downtime", "checks")
_MB = 1_000_000


def table(store: RunStore, machines: Sequence[str]) -> Table:
    """A row for each machine, from what its `commit` recorded."""
    result = Table(title="What was moved")
    for head in _HEADS:
        result.add_column(head, justify="left" if head in ("machine", "strategy") else "right")
    for name in machines:
        result.add_row(name, *row(store.machine(name)))
    return result


def row(store: MachineStore) -> tuple[str, ...]:
    committed = store.last("commit", "passed")
    if committed is None:
        return ("not moved", "-", "-", "-", "-", "-")
    facts = committed.facts
    moved, seconds = int(facts["bytes_written"]), float(facts["seconds"])
    return (
        str(facts["strategy"]),
        _amount(int(facts["bytes_read"])),
        _amount(moved),
        f"{moved / seconds / _MB:.1f}" if seconds else "-",
        f"{float(facts['downtime_seconds']):.1f} s",
        f"{facts['checks_passed']} of {facts['checks']}",
    )


def _amount(size: int) -> str:
    return f"{size / _MB:,.1f} MB"


def failures(tasks: Sequence[Mapping[str, Any]], store: RunStore, home: Home, dag_id: str, run: str) -> list[str]:
    """A sentence for each task that failed by itself: which, why in the stage's own words, and its log."""
    told = []
    for task in tasks:
        name, _, step = str(task["task_id"]).partition(".")
        if task["state"] != "failed" or not step:
            continue
        log = log_of(home, dag_id, run, str(task["task_id"]), int(task["try_number"]))
        told.append(f"{name}: {step} failed. {_reason(store.machine(name), step)}\n  Its log: {log}")
    return told


def _reason(store: MachineStore, step: str) -> str:
    last = store.last(step, "failed")
    return str(last.facts.get("message", "")) if last else "It ended without a word; its log has the traceback."


def log_of(home: Home, dag_id: str, run: str, task_id: str, attempt: int) -> Path:
    return home.logs / "tasks" / f"dag_id={dag_id}" / f"run_id={run}" / f"task_id={task_id}" / f"attempt={attempt}.log"


def print_failures(told: Sequence[str], console: Console) -> None:
    for sentence in told:
        console.print(sentence, style="red", markup=False, highlight=False, soft_wrap=True)

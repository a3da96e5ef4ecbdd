"""What the demo ends with: a table of what was moved and proven, or which task failed, why, and where its log is."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from drover.evidence.store import MachineStore, RunStore
from drover_lab.demo.home import Home

_HEADS = ("machine", "strategy", "read", "moved", "MB/s", "downtime", "checks")
_MB = 1_000_000
# The wave's own first task, which is no machine's.
FIRST = "wave--preflight"
_REFUSED = "Nothing of the wave was begun: its preflight failed."


def table(store: RunStore, machines: Sequence[str]) -> Table:
    """A row for each machine, from what its `commit` recorded."""
    result = Table(title="What was moved")
    for head in _HEADS:
        result.add_column(head, justify="left" if head in ("machine", "strategy") else "right")
    for name in machines:
        result.add_row(name, *row(store.machine(name)))
    return result


def took(store: RunStore, machines: Sequence[str]) -> float:
    """Seconds from when the first machine was begun until the last one had arrived; 0 where none was begun."""
    records = [record for name in machines for record in store.machine(name).records()]
    if not records:
        return 0.0
    began = min(datetime.fromisoformat(record.started) for record in records)
    ended = max(datetime.fromisoformat(record.time) for record in records)
    return (ended - began).total_seconds()


def estimated(expected: float, seconds: float) -> str:
    """What was expected beside what it took; both seconds."""
    if not seconds:
        return f"Estimated {expected:.0f} s, and nothing was begun."
    return f"Estimated {expected:.0f} s, took {seconds:.0f} s ({(expected / seconds - 1) * 100:+.0f} %)."


def booted(store: RunStore, machines: Sequence[str]) -> str:
    """Whose backups were booted in this run; nothing where none was."""
    tests = {name: store.machine(name).last("restore-test", "passed") for name in machines}
    told = [f"{name} ({test.facts['checks']} checks)" for name, test in tests.items() if test and "name" in test.facts]
    return f"Booted from their backups on the isolated network, and removed: {', '.join(told)}." if told else ""


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
    """A sentence for each task that failed by itself, also where it is to be tried again.

    It says which, why in the stage's own words, and where its log is.
    """
    told = []
    for task in tasks:
        name, _, step = str(task["task_id"]).partition(".")
        if task["state"] not in ("failed", "up_for_retry") or not (step or name == FIRST):
            continue
        tries = [log_of(home, dag_id, run, str(task["task_id"]), n + 1) for n in range(int(task["try_number"]))]
        words = [f"  Try {number}: {line}" for number, log in enumerate(tries, 1) for line in last_words(log)]
        reason = f"{name}: {step} failed. {_reason(store.machine(name), step)}" if step else _REFUSED
        told.append("\n".join([reason, *words, f"  Its log: {tries[-1]}"]))
    return told


def _reason(store: MachineStore, step: str) -> str:
    # A live move is begun and finished by the same task.
    failed = [record for record in store.records() if record.outcome == "failed"]
    last = next((record for record in reversed(failed) if record.step in (step, f"{step}-begin")), None)
    return str(last.facts.get("message", "")) if last else "Nothing of it stands in the evidence; this says its log:"


def last_words(log: Path) -> list[str]:
    """The errors in the log of one try of a task, oldest first; the logs may be gone before anyone can look."""
    try:
        entries = [json.loads(line) for line in log.read_text().splitlines()]
    except (OSError, ValueError) as error:
        return [f"its log cannot be read: {error}"]
    return [line for entry in entries if entry.get("level") in ("error", "critical") for line in _words(entry)]


def _words(entry: Mapping[str, Any]) -> Iterator[str]:
    yield str(entry.get("event", ""))
    for error in entry.get("error_detail") or ():
        yield f"{error.get('exc_type')}: {error.get('exc_value')}"
        frames = error.get("frames") or ()
        yield " < ".join(f"{Path(f['filename']).name}:{f['lineno']} {f['name']}" for f in reversed(frames[-6:]))


def log_of(home: Home, dag_id: str, run: str, task_id: str, attempt: int) -> Path:
    return home.logs / "tasks" / f"dag_id={dag_id}" / f"run_id={run}" / f"task_id={task_id}" / f"attempt={attempt}.log"


def print_failures(told: Sequence[str], console: Console) -> None:
    for sentence in told:
        console.print(sentence, style="red", markup=False, highlight=False, soft_wrap=True)

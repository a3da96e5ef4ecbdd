"""The demo from beginning to end: lab, Airflow, the wave, a table, and a look from outside at what it left."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from rich.console import Console

from drover.errors import RetryableError
from drover.evidence.store import RunStore
from drover.model import Strategy
from drover.waves.schema import MachinePlan, Wave
from drover.waves.words import duration
from drover_lab import lab as labs
from drover_lab import logs
from drover_lab.demo import airflow as airflows
from drover_lab.demo import proof, report, wave
from drover_lab.demo.api import Airflow
from drover_lab.demo.home import PROJECT, USER, Home
from drover_lab.demo.watch import follow
from drover_lab.lab import Lab
from drover_lab.topology import LIBVIRT

_DAG_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """:param good: every machine was migrated and validated, and a look from outside agrees.
    :param estimated: seconds that the wave was expected to take. :param took: seconds that it took.
    """

    good: bool
    estimated: float
    took: float


def demo(name: str, *, leave: bool, console: Console) -> Outcome:
    """Runs the demo.

    :param name: the lab's name. :param leave: end everything afterwards; without it the UI stays until Ctrl-C.
    """
    home = Home(name)
    with _lab(name, leave=leave, console=console) as lab:
        planned = wave.place(home, lab)
        extra = wave.connections(lab) | _appliance()
        with airflows.started(home, extra, lambda text: _say(console, text)) as (airflow, address):
            _say(console, f"Airflow answers at {address} (user {USER}, password {home.keys['password']}).")
            people = None if leave else address
            outcome = _wave(airflow, planned, lab, home, console, people)
            if not leave:
                _stay(console, address, home)
    return outcome


@contextmanager
def _lab(name: str, *, leave: bool, console: Console) -> Iterator[Lab]:
    try:
        lab = labs.up(name, say=lambda text: _say(console, text))
        moved = wave.in_the_way(lab)
        if moved:
            _say(console, f"Bringing back what an earlier wave moved: {', '.join(moved)}.")
            lab.reset_all(moved)
        yield lab
    except BaseException:
        if leave:
            place = logs.keep(name, PROJECT / ".drover" / "lab-logs")
            _say(console, f"What the lab's hosts and machines wrote is kept in {place}.")
        raise
    finally:
        if leave:
            labs.down(name, say=lambda text: _say(console, text))


def _appliance() -> dict[str, str]:
    """libguestfs needs a kernel of its own where this machine's cannot be read."""
    from drover_lab.appliance import appliance_environment

    return appliance_environment()


def _wave(airflow: Airflow, planned: Wave, lab: Lab, home: Home, console: Console, people: str | None) -> Outcome:
    """:param people: where a person answers what the wave asks; None where nobody is there and the demo does."""
    dag_id = f"wave_{planned.wave}"
    _await_dag(airflow, dag_id, home)
    expected = wave.estimate(planned, lab, home)
    _say(console, f"It will take about {duration(expected)}.")
    began = time.time()
    run = airflow.trigger(dag_id)
    _say(console, f"The wave '{planned.wave}' runs: {run}.")
    store = RunStore(home.store, planned.wave, run)
    names = [plan.name for plan in planned.machines]

    def asked(task_id: str) -> None:
        _answer(airflow, dag_id, run, task_id, people, console)

    try:
        state = follow(airflow, dag_id, run, store, names, console, asked)
    except RetryableError:
        with suppress(RetryableError):  # It may be Airflow that does not answer.
            report.print_failures(report.failures(airflow.tasks(dag_id, run), store, home, dag_id, run), console)
        raise
    findings = [finding for plan in planned.machines for finding in _prove(lab, planned, plan.name, store, began)]
    console.print(report.table(store, names))
    seconds = report.took(store, names)
    _say(console, report.estimated(expected, seconds))
    told = report.failures(airflow.tasks(dag_id, run), store, home, dag_id, run)
    if booted := report.booted(store, names):
        _say(console, booted)
    elif planned.backup.restore_test != "digests":
        told.append("No machine's backup was booted, though the wave asks for it.")
    told += [f"{finding.machine}: {finding.what}: NO. {finding.problem}" for finding in findings if finding.problem]
    report.print_failures(told, console)
    _say(
        console, f"Looked at from outside: {sum(not f.problem for f in findings)} of {len(findings)} findings are good."
    )
    return Outcome(state == "success" and not told, expected, seconds)


def _answer(airflow: Airflow, dag_id: str, run: str, task_id: str, people: str | None, console: Console) -> None:
    if people is None:
        airflow.answer(dag_id, run, task_id, "approve")
        _say(console, f"{task_id}: approved through the API, as {USER}.")
        return
    page = f"{people}/dags/{quote(dag_id)}/runs/{quote(run)}/tasks/{quote(task_id)}/required_actions"
    _say(console, f"{task_id} WAITS FOR YOU (user {USER}): answer at {page}")
    _say(console, "Without an answer its machine stays off, and goes back to its source after half an hour.")


def _prove(lab: Lab, planned: Wave, name: str, store: RunStore, began: float) -> Iterator[proof.Finding]:
    committed = store.machine(name).last("commit", "passed")
    if committed is None:
        yield proof.Finding(name, "was moved", "its wave did not commit it")
        return
    plan = planned.machine(name)
    source, target = (wave.where(lab, end) for end in (planned.source_of(plan), planned.target_of(plan)))
    yield from proof.prove(
        lab,
        proof.Move(
            name,
            source,
            target,
            began,
            downtime=float(committed.facts["downtime_seconds"]),
            backup=_backup(store, name),
            still=_still(plan, store),
            taken_along=plan.strategy is Strategy.LIVE and lab.topology.host(source).kind != LIBVIRT,
        ),
    )


def _backup(store: RunStore, name: str) -> Path:
    made = store.machine(name).last("backup", "passed")
    # A machine that was committed without one has lost it: the look says that there is none.
    return Path(made.facts["folder"]) if made else store.folder / "no-backup"


def _still(plan: MachinePlan, store: RunStore) -> Path | None:
    """A machine that moves while it runs is read whole only where it stands still at the switch-over."""
    read = plan.strategy is Strategy.COLD or plan.compare_at_switchover
    return store.machine(plan.name).path("manifests", "source") if read else None


def _await_dag(airflow: Airflow, dag_id: str, home: Home) -> None:
    end = time.monotonic() + _DAG_SECONDS
    while airflow.find_dag(dag_id) is None:
        errors = airflow.import_errors()
        if errors or time.monotonic() > end:
            raise RetryableError(
                f"Airflow does not show the DAG {dag_id}. {' '.join(errors)}",
                remedy=f"The log of its DAG processor is {home.logs / 'dag-processor.log'}.",
            )
        time.sleep(1.0)


def _stay(console: Console, address: str, home: Home) -> None:
    _say(console, f"Airflow stays up: {address} (user {USER}, password {home.keys['password']}). Ctrl-C ends it.")
    with suppress(KeyboardInterrupt):
        threading.Event().wait()


def _say(console: Console, text: str) -> None:
    # A sentence that a script reads is one line, however narrow the terminal is that it has not.
    console.print(text, markup=False, highlight=False, soft_wrap=True)

"""A DAG for a wave: a task group for each machine, its steps as tasks, its order from `after:`.

    preflight of the whole wave -> each machine:

    inventory -> preflight -> backup -> transfer -> validate -> test -> cutover -> commit      (-> machines after it)
                                            any of these failed -> rollback

Some waves ask for more steps in between (`STEPS`); a step that the wave does not ask for is not in its DAG.

A last task reports on all machines. It is what ends a run as failed whose rollbacks succeeded.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk import DAG, Asset, BaseOperator, TaskGroup, TriggerRule, chain
from airflow.sdk.definitions.mappedoperator import MappedOperator

from drover.migration.together import TAKE_BACK
from drover.waves import deadlines
from drover.waves.schema import MachinePlan, Wave
from drover_airflow.at_work import TAKE_BACK as TAKE_BACK_TASK
from drover_airflow.operators import migration as stages
from drover_airflow.operators.approval import ApprovalOperator
from drover_airflow.operators.report import ReportOperator
from drover_airflow.operators.take_back import AfterFailureOperator, TakeBackOperator
from drover_airflow.operators.waiting import WindowOperator
from drover_airflow.operators.wave_preflight import WavePreflightOperator
from drover_airflow.settings import queue_of

# No machine's key can look like this: a doubled hyphen is only ever followed by a digest in them.
PREFLIGHT = "wave--preflight"
REPORT = "wave--report"

DEFAULTS: dict[str, Any] = {
    "owner": "drover",
    "retries": 2,
    "retry_delay": timedelta(seconds=15),
    "execution_timeout": timedelta(minutes=30),
}
# A step that moves bytes ends when they are moved; the limit is there for what hangs for ever.
MOVES_BYTES: dict[str, Any] = {"execution_timeout": timedelta(days=3)}
# The source must come back without a person, so a host that is away for a while is waited for; and what is to become
# final is well at its target, so a host that is away must not undo it.
MUST_SUCCEED: dict[str, Any] = {
    "retries": 200,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=5),
    "execution_timeout": timedelta(hours=2),
}


@dataclass(frozen=True, slots=True)
class Step:
    """One task of a machine.

    :param asked: whether the wave asks for it, for this machine; None for a step that is always there.
    :param at_source: it runs near the source, not near the target.
    """

    name: str
    operator: type[BaseOperator]
    asked: Callable[[Wave, MachinePlan], bool] | None = None
    at_source: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)


# What a machine goes through, in this order.
STEPS = (
    Step("inventory", stages.InventoryOperator, at_source=True),
    Step("preflight", stages.PreflightOperator, at_source=True),
    Step("baseline", stages.BaselineOperator, asked=lambda wave, _: wave.performance is not None, at_source=True),
    Step("backup", stages.BackupOperator, at_source=True, options=MOVES_BYTES),
    Step(
        "restore-test",
        stages.RestoreTestOperator,
        asked=lambda wave, _plan: wave.backup.restore_test != "digests",
        options=MOVES_BYTES,
    ),
    Step("window", WindowOperator, asked=lambda wave, _plan: wave.window is not None),
    Step("transfer", stages.TransferOperator, options=MOVES_BYTES),
    Step("validate", stages.ValidateOperator, options=MOVES_BYTES),
    Step("test", stages.TrialOperator),
    Step("approval", ApprovalOperator, asked=lambda wave, plan: wave.approval_of(plan) is not None),
    Step("cutover", stages.CutoverOperator),
    Step(
        "performance",
        stages.PerformanceOperator,
        asked=lambda wave, _: wave.performance is not None,
        options=MUST_SUCCEED,
    ),
    Step("commit", stages.CommitOperator, options=MUST_SUCCEED),
)
# From here on a failure brings the source back: before it nothing has been changed.
FIRST_CHANGE = "transfer"


def asked_for(wave: Wave, plan: MachinePlan) -> frozenset[str]:
    """The optional steps that this wave asks for, for this machine."""
    return frozenset(step.name for step in STEPS if step.asked and step.asked(wave, plan))


def build_dag(wave: Wave, path: Path, **options: Any) -> DAG:
    """The DAG `wave_<name>`.

    :param path: the wave file; a run keeps what it said when its first task read it.
    :param options: more arguments of `DAG`, or others in place of these.
    """
    arguments: dict[str, Any] = {
        "dag_id": f"wave_{wave.wave}",
        "description": wave.description or None,
        "doc_md": describe(wave),
        "schedule": wave.schedule,
        "start_date": _since(wave) if wave.schedule else None,
        "catchup": False,
        # Two runs of one wave would move the same machines.
        "max_active_runs": 1,
        "default_args": DEFAULTS,
        "tags": ["drover", "wave", *([wave.reason] if wave.reason else [])],
        "is_paused_upon_creation": bool(wave.schedule),
    }
    with DAG(**arguments | options) as dag:
        groups = {
            plan.name: machine_group(
                plan.key,
                wave=str(path),
                machine=plan.key,
                source=wave.source_of(plan),
                target=wave.target_of(plan),
                limits=_limits(wave, plan),
                optional=asked_for(wave, plan),
            )
            for plan in wave.machines
        }
        first = look_first(wave, path)
        for plan in wave.machines:
            begins = groups[plan.name]["inventory"]
            for before in [groups[name]["commit"] for name in plan.after] or [first]:
                before >> begins
            if plan.after:
                # All steps of a machine are skipped that an earlier run has moved; those after it may begin.
                begins.trigger_rule = TriggerRule.NONE_FAILED
        asset = Asset(name=f"drover_wave_{wave.wave}", group="drover")
        targets = near_all(wave.target_of(plan) for plan in wave.machines)
        report = ReportOperator(task_id=REPORT, task_display_name="report", wave=str(path), outlets=[asset], **targets)
        ends = [task for tasks in groups.values() for task in (tasks["commit"], tasks["rollback"])]
        if wave.on_failure == TAKE_BACK:
            _all_back(path, ends, near_all(wave.source_of(plan) for plan in wave.machines)) >> report
        ends >> report
    return dag


def look_first(wave: Wave, path: Path) -> BaseOperator:
    """It stands before every machine: while one of them cannot be moved, none is begun."""
    return WavePreflightOperator(task_id=PREFLIGHT, task_display_name="preflight", wave=str(path), **near(wave.source))


def _since(wave: Wave) -> datetime:
    """Its time zone is the schedule's: a wave that is to begin before its window opens must go by the same clocks."""
    return datetime(2026, 1, 1, tzinfo=ZoneInfo(wave.window.timezone if wave.window else "UTC"))


def _all_back(path: Path, ends: list[BaseOperator], where: Mapping[str, Any]) -> MappedOperator:
    """Once all have ended, and where a machine was not moved: those that were go back, each after what needs it."""
    lost = AfterFailureOperator(
        task_id="wave--after_failure", task_display_name="after failure", wave=str(path), **where, **MUST_SUCCEED
    )
    ends >> lost
    return TakeBackOperator.partial(
        task_id=TAKE_BACK_TASK,
        task_display_name="take back",
        map_index_template="{{ task.machine }}",
        **where,
        **MUST_SUCCEED | {"execution_timeout": timedelta(days=1)},
    ).expand_kwargs(lost.output)


def _limits(wave: Wave, plan: MachinePlan) -> dict[str, timedelta]:
    """A step that waits for the guest may take as long as the wave file gives the guest, and some more."""
    answering = timedelta(seconds=deadlines.answering(plan))
    measuring = timedelta(seconds=deadlines.measuring(wave))
    return {
        "test": answering,
        "cutover": answering,
        "rollback": timedelta(seconds=deadlines.taking_back(wave, plan)),
        **({"baseline": measuring, "performance": measuring} if wave.performance else {}),
    }


def machine_group(
    group_id: str,
    *,
    wave: str,
    machine: str,
    source: str | None = None,
    target: str | None = None,
    limits: Mapping[str, timedelta] | None = None,
    optional: Collection[str] = (),
) -> dict[str, BaseOperator]:
    """The tasks of one machine, by name, in a task group of their own.

    :param wave: path or JSON, or a template of either. :param machine: the machine's key, or a template of it.
    :param source: :param target: connection ids, where they are known, for the queues near them; what only a run knows
        goes to the default queue, because Airflow takes a task's queue from its DAG file alone.
    :param limits: how long a step may take, where its machine's deadlines are known.
    :param optional: the optional steps that are wanted.
    """
    common: dict[str, Any] = {"wave": wave, "machine": machine}
    steps = [step for step in STEPS if step.asked is None or step.name in optional]
    with TaskGroup(group_id, tooltip=f"Moves the machine {group_id}"):
        tasks: dict[str, BaseOperator] = {
            step.name: step.operator(
                task_id=step.name, **common, **near(source if step.at_source else target), **step.options
            )
            for step in steps
        }
        chain(*tasks.values())
        names = list(tasks)
        rollback = stages.RollbackOperator(
            task_id="rollback",
            trigger_rule=TriggerRule.ONE_FAILED,
            **common,
            **near(source),
            **MUST_SUCCEED,
        )
        [tasks[name] for name in names[names.index(FIRST_CHANGE) :]] >> rollback
        tasks["rollback"] = rollback
        for name, limit in (limits or {}).items():
            tasks[name].execution_timeout = limit
    return tasks


def near(conn_id: str | None) -> dict[str, Any]:
    """The queue near a hypervisor, where there is one."""
    return near_all([conn_id]) if conn_id else {}


def near_all(conn_ids: Iterable[str]) -> dict[str, Any]:
    """The queue that is near all of these hypervisors, for a task that works with each of them."""
    queues = {queue_of(conn_id) for conn_id in conn_ids}
    queue = queues.pop() if len(queues) == 1 else None
    return {"queue": queue} if queue else {}


def describe(wave: Wave) -> str:
    """The DAG's page in the UI: what the wave is for, and its machines as a table."""
    rows = [
        f"| {_cell(plan.name)} | {plan.strategy.value} | {_cell(wave.source_of(plan))} | {_cell(wave.target_of(plan))} "
        f"| {_cell(', '.join(plan.after)) or '-'} | {len(plan.checks)} | {_proof(plan)} |"
        for plan in wave.machines
    ]
    head = "| machine | strategy | from | to | after | checks | what is compared |\n|---|---|---|---|---|---|---|"
    reason = f"\n\nReason: {wave.reason}." if wave.reason else ""
    return "\n".join([f"{wave.description}{reason}\n", head, *rows])


def _proof(plan: MachinePlan) -> str:
    """What the strategy can prove, said before anyone relies on it."""
    if plan.strategy.value == "cold":
        return "every block, every file"
    if plan.compare_at_switchover:
        return "every block at the switch-over, every file that nothing should change"
    return "files that nothing should change; blocks of a running guest cannot be compared"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")

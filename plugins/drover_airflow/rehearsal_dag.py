"""A DAG that rehearses a wave. The tasks that move a machine are not in it, so nothing that goes wrong can move one.

    inventory -> preflight -> backup -> rehearse        of each machine, in no order: none waits for another

Its first task is the wave's: a wave that would be refused is refused here, too. A last task reports on all machines.
"""

from pathlib import Path
from typing import Any

from airflow.sdk import DAG, BaseOperator, TaskGroup, chain

from drover.waves.schema import MachinePlan, Wave
from drover_airflow.operators import migration as stages
from drover_airflow.operators.report import ReportOperator
from drover_airflow.wave_dag import DEFAULTS, MOVES_BYTES, REPORT, describe, look_first, near, near_all

_PAGE = (
    "**A rehearsal.** Each machine is made at the target of a backup of it, compared, booted on the isolated network, "
    "and removed. The machines themselves go on running.\n\n"
)


def build_rehearsal(wave: Wave, path: Path, dag_id: str, **options: Any) -> DAG:
    """:param path: the wave file. :param options: more arguments of `DAG`, or others in place of these."""
    arguments: dict[str, Any] = {
        "dag_id": dag_id,
        "description": f"Rehearses the wave {wave.wave}.",
        "doc_md": _PAGE + describe(wave),
        "schedule": None,
        "catchup": False,
        # Two rehearsals of one machine would make it under the same name.
        "max_active_runs": 1,
        "default_args": DEFAULTS,
        "tags": ["drover", "rehearsal"],
        "is_paused_upon_creation": False,
    }
    with DAG(**arguments | options) as dag:
        targets = near_all(wave.target_of(plan) for plan in wave.machines)
        report = ReportOperator(task_id=REPORT, task_display_name="report", wave=str(path), **targets)
        first = look_first(wave, path)
        for plan in wave.machines:
            _machine(wave, plan, path, first) >> report
    return dag


def _machine(wave: Wave, plan: MachinePlan, path: Path, first: BaseOperator) -> stages.RehearsalOperator:
    common: dict[str, Any] = {"wave": str(path), "machine": plan.key}
    source, target = near(wave.source_of(plan)), near(wave.target_of(plan))
    with TaskGroup(plan.key, tooltip=f"Rehearses the machine {plan.key}"):
        rehearse = stages.RehearsalOperator(task_id="rehearse", **common, **target, **MOVES_BYTES)
        chain(
            first,
            stages.InventoryOperator(task_id="inventory", **common, **source),
            stages.PreflightOperator(task_id="preflight", **common, **source),
            stages.BackupOperator(task_id="backup", **common, **source, **MOVES_BYTES),
            rehearse,
        )
    return rehearse

"""Empties a host, or a whole site, from a form: for maintenance, because it is retired, slow, or its site closes.

Looks which machines are there, finds for each the host with the most room, and moves them as a wave does: inventory,
pre-flight, backup, transfer, validation, test, cutover, commit; after a failure a machine's source runs again, and the
others go on. No source is ever deleted.
"""

from pathlib import Path

from airflow.sdk import DAG, task, task_group

from drover_airflow.evacuation import form
from drover_airflow.operators.evacuation import EvacuationOperator
from drover_airflow.operators.report import ReportOperator
from drover_airflow.wave_dag import DEFAULTS, REPORT, machine_group

with DAG(
    dag_id=Path(__file__).stem,
    description=__doc__.partition("\n")[0],
    doc_md=__doc__,
    schedule=None,
    # Two runs would count the same room twice.
    max_active_runs=1,
    default_args=DEFAULTS,
    params=form(),
    is_paused_upon_creation=False,
    tags=["drover"],
):
    plan = EvacuationOperator(task_id="plan")
    # Empty where there is no plan: then nothing began, and the report says that.
    wave = "{{ (ti.xcom_pull(task_ids='plan') or {}).get('wave', '') }}"
    report = ReportOperator(task_id=REPORT, task_display_name="report", wave=wave)

    @task
    def machines(planned):
        return planned["machines"]

    @task_group
    def each(machine):
        tasks = machine_group("machine", wave=wave, machine=machine, optional=["approval"])
        for one in tasks.values():
            one.map_index_template = "{{ task.machine }}"
        [tasks["commit"], tasks["rollback"]] >> report

    each.expand(machine=machines(plan.output))

"""Moves one machine by hand, from a form.

The same steps as a wave's: inventory, pre-flight, backup, transfer, validation, test, cutover, commit; after a failure
the source runs again. The source is never deleted.
"""

from pathlib import Path

from airflow.sdk import DAG

from drover_airflow.form import form
from drover_airflow.operators.form import FormOperator
from drover_airflow.operators.report import ReportOperator
from drover_airflow.wave_dag import DEFAULTS, REPORT, machine_group

with DAG(
    dag_id=Path(__file__).stem,
    description=__doc__.partition("\n")[0],
    doc_md=__doc__,
    schedule=None,
    default_args=DEFAULTS,
    params=form(),
    is_paused_upon_creation=False,
    tags=["drover"],
):
    plan = FormOperator(task_id="plan")
    # Empty where the form has mistakes: then nothing began, and the tasks that run even so say that.
    wave = "{{ (ti.xcom_pull(task_ids='plan') or {}).get('wave', '') }}"
    machine = "{{ (ti.xcom_pull(task_ids='plan') or {}).get('machine', '') }}"
    tasks = machine_group("machine", wave=wave, machine=machine, optional=["approval"])
    report = ReportOperator(task_id=REPORT, task_display_name="report", wave=wave)

    plan >> tasks["inventory"]
    [tasks["commit"], tasks["rollback"]] >> report

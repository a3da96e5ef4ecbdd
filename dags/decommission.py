"""Removes the sources that a wave left behind. Nothing else ever deletes one.

It waits as many days after the commit as the form says, and for a person's yes. Then it asks each machine again: it
runs at its target and answers its checks, every byte of its backup is there, its source is off and as the wave left it.
What is not so keeps its source, and the task says why. Removed is removed: what is left is the backup.
"""

from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG, task

from drover_airflow.decommissioning import asked_for, form
from drover_airflow.operators.base import plainly
from drover_airflow.operators.decommission import DecommissionApprovalOperator, DecommissionOperator

with DAG(
    dag_id=Path(__file__).stem,
    description=__doc__.partition("\n")[0],
    doc_md=__doc__,
    schedule=None,
    params=form(),
    is_paused_upon_creation=False,
    default_args={"owner": "drover", "retries": 2, "retry_delay": timedelta(seconds=15)},
    tags=["drover"],
):

    @task(execution_timeout=timedelta(minutes=30))
    def machines(**context):
        with plainly():
            return asked_for(context["params"])

    chosen = machines()
    approval = DecommissionApprovalOperator(task_id="approval", machines=chosen)
    # It reads every byte of the backup first.
    approval >> DecommissionOperator.partial(
        task_id="decommission", map_index_template="{{ task.machine }}", execution_timeout=timedelta(days=1)
    ).expand_kwargs(chosen)

"""Takes a wave's machines back by hand.

The target is switched off, the source is started and asked its checks, in reverse of the wave's order. Machines that
are committed stay where they are, unless you say that they go back, too; what was made at the target is then kept, off.
Nothing is deleted that ever ran.
"""

from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG, task

from drover_airflow.at_work import of
from drover_airflow.operators.base import plainly
from drover_airflow.operators.take_back import TakeBackOperator
from drover_airflow.taking_back import asked_for, form
from drover_airflow.wave_dag import MUST_SUCCEED

with DAG(
    dag_id=Path(__file__).stem,
    description=__doc__.partition("\n")[0],
    doc_md=__doc__,
    schedule=None,
    params=form(),
    is_paused_upon_creation=False,
    default_args={"owner": "drover"},
    tags=["drover"],
):

    @task(retries=2, retry_delay=timedelta(seconds=15), execution_timeout=timedelta(minutes=30))
    def machines(**context):
        with plainly():
            return asked_for(context["params"], of(context["ti"]))

    TakeBackOperator.partial(
        task_id="take_back",
        map_index_template="{{ task.machine }}",
        **MUST_SUCCEED | {"execution_timeout": timedelta(days=1)},
    ).expand_kwargs(machines())

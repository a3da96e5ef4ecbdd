"""Takes back what a run left in the middle.

Someone marked a run as failed, a machine's rollback gave up, or the run was deleted: then its machines may be off, and
no task of it will bring them back. Every few minutes this looks for machines whose run has ended without a commit or a
rollback, or all of whose own tasks have, and rolls them back; and those whose rollback is due and finds no worker for a
quarter of an hour. A machine that its run may still work at is left alone. Where one is off and its run does not go on,
because its DAG is paused or no worker takes its tasks, this fails and names it.
It also starts a source that went off up to two hours after its rollback, because it had been asked to before.
"""

from datetime import datetime, timedelta
from pathlib import Path

from airflow.sdk import DAG, task

from drover_airflow.at_work import of
from drover_airflow.hands import refuse_waiting
from drover_airflow.operators.base import plainly
from drover_airflow.operators.take_back import TakeBackOperator
from drover_airflow.taking_back import left_behind

with DAG(
    dag_id=Path(__file__).stem,
    description=__doc__.partition("\n")[0],
    doc_md=__doc__,
    schedule=timedelta(minutes=5),
    start_date=datetime(2026, 1, 1),
    catchup=False,
    # One machine that takes long to come back must not keep the others waiting; each is taken back by one alone.
    max_active_runs=4,
    is_paused_upon_creation=False,
    # The next look is the next try.
    default_args={"owner": "drover", "retries": 0, "execution_timeout": timedelta(days=1)},
    tags=["drover"],
):

    @task
    def look(**context):
        with plainly():
            return left_behind(of(context["ti"]))

    @task
    def all_go_on(**context):
        with plainly():
            refuse_waiting(of(context["ti"]))

    all_go_on()
    TakeBackOperator.partial(
        task_id="take_back", map_index_template="{{ task.machine }}", only_left=True
    ).expand_kwargs(look())

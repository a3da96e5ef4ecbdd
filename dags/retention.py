"""Removes backups whose time is over, once a day.

Only where the wave said for how long (`backup.keep`), counted from the commit, or from the decommission of the source.
Kept whatever their age: backups of machines that were not committed, and those that are all that stayed behind of a
machine that its platform took along. What cannot be read is kept, and fails the task.
"""

from datetime import datetime, timedelta
from pathlib import Path

from airflow.sdk import DAG, task

from drover_airflow import retention
from drover_airflow.operators.base import plainly

HERE = Path(__file__).absolute().parent

with DAG(
    dag_id=Path(__file__).stem,
    description=__doc__.partition("\n")[0],
    doc_md=__doc__,
    schedule="@daily",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    default_args={"owner": "drover", "retries": 2, "retry_delay": timedelta(seconds=30)},
    tags=["drover"],
):

    @task(execution_timeout=timedelta(minutes=10))
    def places():
        return retention.places(HERE)

    @task(execution_timeout=timedelta(hours=6), map_index_template="{{ place }}")
    def prune(place):
        with plainly():
            return retention.prune(place)

    prune.expand(place=places())

"""Inventory of every connected hypervisor, once a day.

Asks every host that the wave files and the environment (`AIRFLOW_CONN_...`) name, and those that you name in the form:
a task cannot list the connections that are kept in Airflow's database. What is found is kept as JSON and as a Parquet
table, and announced as the asset `drover_inventory`. A host that does not answer fails the run; the others are kept.
"""

from datetime import datetime, timedelta
from pathlib import Path

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Asset, Param, task

from drover_airflow.discovery import connections, keep
from drover_airflow.operators.hypervisor import InventoryOperator

INVENTORY = Asset(name="drover_inventory", group="drover")
HERE = Path(__file__).absolute().parent

with DAG(
    dag_id=Path(__file__).stem,
    description=__doc__.partition("\n")[0],
    doc_md=__doc__,
    schedule="@daily",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    default_args={"owner": "drover", "retries": 2, "retry_delay": timedelta(seconds=30)},
    params={
        "connections": Param(
            [],
            type="array",
            items={"type": "string"},
            title="Further connections",
            description="Ids of hypervisors' connections, one a line; those that wave files name are asked anyway.",
        )
    },
    tags=["drover"],
):

    @task
    def hosts(**context):
        return connections(HERE, context["params"]["connections"])

    @task(trigger_rule="all_done", outlets=[INVENTORY])
    def publish(inventories, asked, **context):
        kept = keep(inventories, context["run_id"])
        missing = len(asked) - len(kept["hosts"])
        context["outlet_events"][INVENTORY].extra = {**kept, "hosts_missing": missing}
        return kept

    asked = hosts()
    inventory = InventoryOperator.partial(task_id="inventory").expand(conn_id=asked)
    # Publishing goes on without a host that is gone; this is what shows such a run as failed.
    inventory >> EmptyOperator(task_id="all_answered")
    publish(inventory.output, asked)

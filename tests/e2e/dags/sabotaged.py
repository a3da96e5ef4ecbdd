"""The wave's own DAG with one task more: a saboteur between `transfer` and `validate`, who harms the target's disks."""

import os
from pathlib import Path

from airflow.providers.standard.operators.python import PythonOperator
from sabotage import harm

from drover.waves.loader import load
from drover_airflow.wave_dag import build_dag

path = Path(os.environ["SABOTAGE_WAVE"])
wave = load(path)
dag = build_dag(wave, path)
for plan in wave.machines:
    saboteur = PythonOperator(
        task_id="saboteur",
        dag=dag,
        python_callable=harm,
        op_args=[os.environ["SABOTAGE_LAB"], plan.name, os.environ["SABOTAGE"]],
        retries=0,
    )
    dag.get_task(f"{plan.key}.transfer") >> saboteur >> dag.get_task(f"{plan.key}.validate")

"""Airflow triggers: what waits without a worker. They live here because the triggerer loads no DAG folder."""

"""Airflow hooks: connection in, hypervisor out."""

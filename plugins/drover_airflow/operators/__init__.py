"""Airflow operators: one stage of a migration, or one thing that a hypervisor does."""

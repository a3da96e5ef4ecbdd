"""Triggers of Hyper-V hosts, for DAGs of one's own."""

from drover_airflow.triggers.hypervisor import GuestAnswersTrigger

__all__ = ["GuestAnswersTrigger"]

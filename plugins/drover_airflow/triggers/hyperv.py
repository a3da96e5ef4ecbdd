"""Triggers of Hyper-V hosts, for DAGs of one's own."""

from drover_airflow.triggers.hypervisor import GuestAnswersTrigger, LiveMigrationTrigger

__all__ = ["GuestAnswersTrigger", "HypervMigrationTrigger"]


class HypervMigrationTrigger(LiveMigrationTrigger):
    """Waits for a Live Migration between two Hyper-V hosts."""

"""Triggers of KVM hosts, for DAGs of one's own."""

from drover_airflow.triggers.hypervisor import GuestAnswersTrigger, LiveMigrationTrigger

__all__ = ["GuestAnswersTrigger", "LibvirtLiveMigrationTrigger"]


class LibvirtLiveMigrationTrigger(LiveMigrationTrigger):
    """Waits for a live move between two KVM hosts."""

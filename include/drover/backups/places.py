"""Where backups are made: in their folder, or in the staging folder on their way to an object store."""

from pathlib import Path

from drover.hypervisors.staging import staging_root
from drover.waves.backup_plan import BackupPlan


def work_root(plan: BackupPlan) -> Path:
    """Nothing is made here."""
    return Path(plan.folder) if plan.folder is not None else staging_root() / "backups"

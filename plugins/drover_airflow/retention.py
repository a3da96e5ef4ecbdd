"""Where backups lie, as far as wave files and the runs that began tell, and their removal when their time is over."""

import json
import logging
from contextlib import suppress
from pathlib import Path

from drover.errors import BadInputError, OperatorNeededError
from drover.evidence.store import WAVES
from drover.waves.loader import load
from drover_airflow.settings import store_root, wave_files

log = logging.getLogger(__name__)


def places(dags: Path) -> list[str]:
    """Folders and repositories, each once. :param dags: the DAG folder. A wrong wave file is passed over here."""
    found = set()
    for path in wave_files(dags):
        with suppress(BadInputError):
            found.add(load(path).backup.place)
    for path in (store_root() / WAVES / "named").rglob("*.json"):
        backup = json.loads(path.read_text())["wave"]["backup"]
        found.add(backup.get("folder") or backup.get("repository"))
    return sorted(place for place in found if place)


def prune(place: str) -> dict[str, int]:
    """Removes what is due at one place; counts the backups by what became of them.

    :raises OperatorNeededError: of some nobody can tell; those are kept, and the others are done.
    """
    from drover.backups import retention

    found = retention.prune(place, store_root())
    for one in found:
        log.info("%s: %s; %s", one.shelf.label, one.fate, one.why or "removed")
    unknown = [f"{one.shelf.label} ({one.why})" for one in found if one.fate is retention.Fate.UNKNOWN]
    if unknown:
        raise OperatorNeededError(
            f"Of {len(unknown)} backups nobody can tell whether they may go, so they are kept: {'; '.join(unknown)}.",
            remedy="Look into them; './drover backups list' tells the same.",
        )
    return {fate.value: sum(one.fate is fate for one in found) for fate in retention.Fate}

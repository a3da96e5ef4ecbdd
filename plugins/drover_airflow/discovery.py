"""What `dags/discover.py` does: which hypervisors there are, and keeping what they hold."""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from drover.errors import BadInputError
from drover.evidence.files import safe_name, write_durably
from drover.hypervisors import registry
from drover.waves.loader import load
from drover_airflow.hooks.base import resolve
from drover_airflow.settings import queues, store_root, wave_files

_VARIABLE = "AIRFLOW_CONN_"


def connections(dags: Path, named: Iterable[str]) -> list[str]:
    """The ids of all hypervisor connections that can be known of, in order.

    A task cannot list Airflow's connections, only ask for one by its id. So the ids come from the wave files, from the
    environment, and from whoever triggers the DAG.

    :param named: ids given in the form. :raises BadInputError: one that was named there, or in `DROVER_QUEUES`, does
        not exist.
    """
    _require_queued()
    named = list(named)
    found = set(named) | set(queues()) | set(_from_environment())
    for path in wave_files(dags):
        try:
            wave = load(path)
        except BadInputError:
            continue  # its own DAG tells the mistakes
        for plan in wave.machines:
            found |= {wave.source_of(plan), wave.target_of(plan)}
    return [conn_id for conn_id in sorted(found) if _is_hypervisor(conn_id, must_exist=conn_id in named)]


def _require_queued() -> None:
    """Nowhere else it shows that a name there is mistyped: tasks would only ever go to the default queue."""
    for conn_id in queues():
        try:
            resolve(conn_id)
        except BadInputError as error:
            raise BadInputError(
                f"DROVER_QUEUES gives '{conn_id}' a queue. {error.message}", remedy=error.remedy
            ) from None


def _from_environment() -> Iterable[str]:
    return (name.removeprefix(_VARIABLE).lower() for name in os.environ if name.startswith(_VARIABLE))


def _is_hypervisor(conn_id: str, *, must_exist: bool) -> bool:
    try:
        return resolve(conn_id).kind in registry.kinds()
    except BadInputError:
        if must_exist:
            raise
        return False


def keep(inventories: Iterable[Mapping[str, Any]], run: str) -> dict[str, Any]:
    """Writes the inventories as JSON and all machines as one Parquet table; returns what is small.

    The folder of the run is deterministic, so a retry writes the same files again.
    """
    import pandas

    found = list(inventories)
    folder = store_root() / "discover" / safe_name(run)
    folder.mkdir(parents=True, exist_ok=True)
    write_durably(folder / "inventory.json", json.dumps(found, indent=2).encode())
    rows = [_row(inventory, machine) for inventory in found for machine in inventory["machines"]]
    part = folder / "machines.parquet.part"
    pandas.DataFrame(rows, columns=list(_COLUMNS)).to_parquet(part, index=False)
    os.replace(part, folder / "machines.parquet")
    return {
        "hosts": [inventory["host"]["name"] for inventory in found],
        "machines": len(rows),
        "inventory": str(folder / "inventory.json"),
        "table": str(folder / "machines.parquet"),
    }


_COLUMNS = ("connection", "host", "name", "uuid", "state", "cpus", "memory", "firmware", "disks", "bytes", "allocated")


def _row(inventory: Mapping[str, Any], machine: Mapping[str, Any]) -> dict[str, Any]:
    values = (
        inventory["connection"],
        inventory["host"]["name"],
        machine["name"],
        machine["uuid"],
        machine["state"],
        machine["cpu"]["count"],
        machine["memory"],
        machine["firmware"],
        len(machine["disks"]),
        sum(disk["size"] for disk in machine["disks"]),
        sum(disk["allocated"] for disk in machine["disks"]),
    )
    return dict(zip(_COLUMNS, values, strict=True))

"""Each operator and trigger of Hyper-V against two simulated hosts, in processes of their own, over WinRM."""

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk._shared.module_loading import import_string
from airflow.sdk.exceptions import AirflowException, AirflowFailException, TaskDeferred

sys.path.append(str(Path(__file__).parents[1] / "hyperv"))
from two_hosts import Two, made_hosts, run_machine  # noqa: E402

from drover_airflow.operators.hyperv import (  # noqa: E402
    HypervCheckpointOperator,
    HypervExportOperator,
    HypervImportOperator,
    HypervInventoryOperator,
    HypervMigrationOperator,
    HypervPowerOperator,
)
from drover_airflow.triggers.hyperv import HypervMigrationTrigger  # noqa: E402

ENDS = {"source_conn_id": "hv_l", "target_conn_id": "hv_r"}
NAME = "Müller's `$(id)` mill"
CONTEXT: Any = {"ti": SimpleNamespace(dag_id="own", run_id="run")}


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    with made_hosts(tmp_path_factory.mktemp("hyperv")) as two:
        yield two


@pytest.fixture
def two(hosts: Two, monkeypatch: pytest.MonkeyPatch) -> Iterator[Two]:
    """Machine `mill` runs at the first one."""
    for conn_id, peer in (("HV_L", hosts.here), ("HV_R", hosts.there)):
        spec = peer.spec("ntlm", "https")
        values = {name: getattr(spec, name) for name in ("host", "port", "login", "password", "extra")}
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id}", json.dumps({"conn_type": "hyperv", **values}))
    run_machine(hosts, NAME)
    yield hosts
    hosts.empty()


def inventory(conn_id: str) -> dict[str, dict[str, Any]]:
    found = HypervInventoryOperator(task_id="look", conn_id=conn_id).execute(CONTEXT)
    return {machine["name"]: machine for machine in found["machines"]}


def migration() -> HypervMigrationOperator:
    places = {"networks": {"production": "production"}, "storage": {"D:": "D:"}}
    return HypervMigrationOperator(task_id="move", machine=NAME, **ENDS, **places)


def deferred(move: HypervMigrationOperator) -> HypervMigrationTrigger:
    with pytest.raises(TaskDeferred) as caught:
        move.execute(CONTEXT)
    path, arguments = caught.value.trigger.serialize()
    rebuilt = import_string(path)(**arguments)
    assert rebuilt.serialize() == (path, arguments)
    return HypervMigrationTrigger(**arguments)


async def events(trigger: HypervMigrationTrigger) -> list[Any]:
    return [event.payload async for event in trigger.run()]


def test_a_live_move_waits_without_a_worker(two: Two) -> None:
    move = migration()
    (event,) = asyncio.run(events(deferred(move)))
    assert event == {"status": "done", "message": ""}
    assert move.execute_complete(CONTEXT, event)["bytes"] > 0
    assert inventory("hv_l") == {}
    assert inventory("hv_r")[NAME]["state"] == "running"


def test_who_ends_the_task_ends_the_move(two: Two) -> None:
    two.set("HV-L", live_speed=1 << 16)
    trigger = deferred(migration())
    asyncio.run(trigger.on_kill())
    (event,) = asyncio.run(events(trigger))
    assert event["status"] == "failed"
    with pytest.raises(AirflowException, match="did not succeed"):
        migration().execute_complete(CONTEXT, event)
    assert inventory("hv_l")[NAME]["state"] == "running"
    assert inventory("hv_r") == {}


def test_power_checkpoint_export_and_import(two: Two) -> None:
    assert inventory("hv_l")[NAME]["state"] == "running"
    HypervPowerOperator(task_id="on", conn_id="hv_l", machine=NAME, state="running").execute(CONTEXT)
    with pytest.raises(AirflowFailException, match="cannot be asked to shut down|did not shut down"):
        HypervPowerOperator(task_id="off", conn_id="hv_l", machine=NAME, state="off", deadline=5).execute(CONTEXT)

    freeze = HypervCheckpointOperator(task_id="freeze", conn_id="hv_l", machine=NAME, purpose="'; Stop-Computer #")
    freeze.execute(CONTEXT)
    freeze.execute(CONTEXT)  # replaced, not doubled
    assert inventory("hv_l")[NAME]["snapshots"] == ["drover '; Stop-Computer #"]
    freeze.state = "absent"
    freeze.execute(CONTEXT)
    freeze.execute(CONTEXT)
    assert inventory("hv_l")[NAME]["snapshots"] == []

    folder = "D:\\Exports\\Müller's `$(id)`"
    done = HypervExportOperator(task_id="out", conn_id="hv_l", machine=NAME, folder=folder).execute(CONTEXT)
    assert done["path"] == folder
    assert {len(digest) for digest in done["files"].values()} == {64}
    back = HypervImportOperator(task_id="in", conn_id="hv_l", folder=folder, called="$(copy)", new_id=True)
    made = back.execute(CONTEXT)
    assert made["machine"] == "$(copy)"
    assert inventory("hv_l")["$(copy)"]["state"] == "off"


@pytest.mark.parametrize("purpose", ["read", "TRIAL", " "])
def test_a_purpose_of_drover_s_own_is_refused(two: Two, purpose: str) -> None:
    take = HypervCheckpointOperator(task_id="freeze", conn_id="hv_l", machine=NAME, purpose=purpose)
    with pytest.raises(AirflowFailException, match="cannot be for the purpose"):
        take.execute(CONTEXT)

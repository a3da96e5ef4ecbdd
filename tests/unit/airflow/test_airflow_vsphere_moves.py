"""The operators that change something at a vCenter, each run as Airflow runs it: power, vMotion, export, import."""

import asyncio
import json
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException, TaskDeferred

sys.path.append(str(Path(__file__).parents[1] / "hypervisors" / "vsphere"))
from movers import MIB, contents, fill, kvm_machine, settings  # noqa: E402
from vcenter_process import VCenter  # noqa: E402

from drover.hypervisors.vsphere.hypervisor import VsphereHypervisor  # noqa: E402
from drover.model import Firmware, PowerState  # noqa: E402
from drover.ovf import exporting  # noqa: E402
from drover_airflow.operators.vsphere import (  # noqa: E402
    VsphereExportOperator,
    VsphereImportOperator,
    VsphereMigrationOperator,
    VspherePowerOperator,
)

CONTENT = random.Random(5).randbytes(6 * MIB)


class TaskInstance:
    dag_id, run_id = "my dag", "run 1"


CONTEXT: Any = {"ti": TaskInstance()}


@pytest.fixture(scope="module")
def vcenter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VCenter]:
    started = VCenter(tmp_path_factory.mktemp("vc"))
    try:
        yield started
    finally:
        started.stop()


@pytest.fixture
def connection(vcenter: VCenter, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    monkeypatch.setenv("DROVER_STAGING", str(tmp_path / "staging"))
    spec = vcenter.spec()
    values = {name: getattr(spec, name) for name in ("host", "port", "login", "password", "extra")}
    monkeypatch.setenv("AIRFLOW_CONN_VC_TEST", json.dumps({"conn_type": "vsphere", **values}))
    return "vc_test"


@pytest.fixture
def hypervisor(vcenter: VCenter) -> Iterator[VsphereHypervisor]:
    with VsphereHypervisor(vcenter.spec()) as opened:
        yield opened


@pytest.fixture
def machine(hypervisor: VsphereHypervisor, connection: str, tmp_path: Path) -> Iterator[str]:
    """A machine that is off, with one disk that is written. Without adapters: here no network leads anywhere."""
    made = kvm_machine("web", firmware=Firmware.BIOS, nics=(), boot_order=())
    made = replace(made, disks=made.disks[:1])
    wanted = settings(made, host="esx-t1")
    hypervisor.define(made, wanted)
    fill(hypervisor, "web", wanted.owner, [CONTENT], tmp_path)
    yield "web"
    hypervisor.power_off("web")
    hypervisor.tag("web", wanted.owner)
    hypervisor.remove("web", wanted.owner)


def moving(connection: str, **changes: Any) -> VsphereMigrationOperator:
    values: dict[str, Any] = {"machine": "web", "source_conn_id": connection, "target_conn_id": connection}
    values |= {"networks": {}, "storage": {"datastore1": "datastore1"}}
    return VsphereMigrationOperator(task_id="move", **(values | changes))


def trigger_of(execute: Callable[..., object]) -> Any:
    with pytest.raises(TaskDeferred) as deferred:
        execute(CONTEXT)
    assert deferred.value.method_name == "execute_complete"
    return deferred.value.trigger


def test_a_machine_is_started_and_what_does_not_hear_is_not_forced(
    connection: str, hypervisor: VsphereHypervisor, machine: str
) -> None:
    for _ in range(2):
        VspherePowerOperator(task_id="on", conn_id=connection, machine=machine, state="running").execute(CONTEXT)
        assert hypervisor.power_state(machine) is PowerState.RUNNING
    # No operating system is on its disk.
    off = VspherePowerOperator(task_id="off", conn_id=connection, machine=machine, state="off", deadline=0.5)
    with pytest.raises(AirflowFailException, match=r"did not shut down within 0\.5 seconds"):
        off.execute(CONTEXT)
    assert hypervisor.power_state(machine) is PowerState.RUNNING
    hypervisor.power_off(machine)
    off.execute(CONTEXT)
    with pytest.raises(AirflowFailException, match="'paused' is no state"):
        VspherePowerOperator(task_id="pause", machine=machine, state="paused").execute(CONTEXT)


def test_a_machine_is_exported_and_imported(
    connection: str, hypervisor: VsphereHypervisor, machine: str, tmp_path: Path
) -> None:
    target = tmp_path / "web.ova"
    export = VsphereExportOperator(task_id="export", conn_id=connection, machine=machine, target=str(target))
    done = export.execute(CONTEXT)
    assert done["path"] == str(target)
    assert target.stat().st_size >= done["bytes"] > len(CONTENT) // 2
    with pytest.raises(AirflowFailException, match="is there already"):
        export.execute(CONTEXT)

    importing = VsphereImportOperator(
        task_id="import", conn_id=connection, package=str(target), called="copy of web", datastore="datastore1"
    )
    made = importing.execute(CONTEXT)
    json.dumps(made)
    try:
        assert made["machine"] == "copy of web"
        with hypervisor.read_disks("copy of web") as disks:
            assert contents(disks) == [CONTENT]
    finally:
        owner = hypervisor.machine("copy of web").ownership
        assert owner is not None
        hypervisor.tag("copy of web", replace(owner, role="target"))
        hypervisor.remove("copy of web", replace(owner, role="target"))

    spoilt = bytearray(target.read_bytes())
    spoilt[len(spoilt) // 2] ^= 1
    target.write_bytes(spoilt)
    with pytest.raises(AirflowFailException, match="is not what its manifest says: it was altered or damaged"):
        importing.execute(CONTEXT)
    assert hypervisor.find("copy of web") is None


def test_two_exports_at_once_freeze_a_running_machine_each_for_itself(
    connection: str, hypervisor: VsphereHypervisor, machine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hypervisor.power_on(machine)
    real, frozen = exporting.pack, []

    def export(name: str) -> None:
        target = str(tmp_path / name)
        VsphereExportOperator(task_id=name, conn_id=connection, machine=machine, target=target).execute(CONTEXT)

    def pack(*given: Any, **named: Any) -> None:
        frozen.append(set(hypervisor.machine(machine).snapshots))
        if len(frozen) == 1:
            export("second.ova")
            frozen.append(set(hypervisor.machine(machine).snapshots))
        real(*given, **named)

    monkeypatch.setattr(exporting, "pack", pack)
    export("first.ova")
    alone, both, after = frozen
    assert (len(alone), len(both), after) == (1, 2, alone), "the second one left the first one's snapshot alone"
    assert hypervisor.machine(machine).snapshots == ()
    (tmp_path / "first.ova").unlink()
    export("first.ova")
    assert frozen[-1] == alone, "a retry would find what a killed try left"


def test_a_vmotion_is_waited_for_without_a_worker(connection: str, hypervisor: VsphereHypervisor, machine: str) -> None:
    hypervisor.power_on(machine)
    operator = moving(connection, host="esx-t2")
    trigger = trigger_of(operator.execute)

    async def events() -> list[Any]:
        return [event.payload async for event in trigger.run()]

    (event,) = asyncio.run(events())
    assert event == {"status": "done", "message": ""}
    assert operator.execute_complete(CONTEXT, event)["bytes"] > 0
    moved = hypervisor.machine(machine)
    assert (moved.host, moved.state) == ("esx-t2", PowerState.RUNNING)


def test_a_vmotion_that_cannot_be_is_refused_in_the_platforms_words(
    connection: str, hypervisor: VsphereHypervisor, machine: str
) -> None:
    with pytest.raises(AirflowFailException, match=r"Machine 'web' on 127\.0\.0\.1 is off, so it cannot be moved live"):
        moving(connection, host="esx-t2").execute(CONTEXT)
    with pytest.raises(AirflowException, match="The host is gone"):
        moving(connection).execute_complete(CONTEXT, {"status": "lost", "message": "The host is gone."})


def test_a_task_that_somebody_kills_ends_its_vmotion(
    connection: str, hypervisor: VsphereHypervisor, vcenter: VCenter, machine: str
) -> None:
    """As the triggerer does it: it ends the waiting, then asks the trigger to end the work."""
    hypervisor.power_on(machine)
    vcenter.ask("move-rate", move_rate=MIB // 4)
    try:
        # Its own host: only the disks move, and that takes a while.
        trigger = trigger_of(moving(connection, host="esx-t1", storage={"datastore1": "small"}).execute)
        asyncio.run(_waited_for_and_killed(trigger))
    finally:
        vcenter.ask("move-rate", move_rate=0)
    stayed = hypervisor.machine(machine)
    assert (stayed.host, stayed.state) == ("esx-t1", PowerState.RUNNING)
    assert [disk.pool for disk in stayed.disks] == ["datastore1"]
    assert list((vcenter.folder / "small").iterdir()) == [], "what was copied is taken away"
    assert hypervisor.live_status(machine, hypervisor).state == "absent"


async def _waited_for_and_killed(trigger: Any) -> None:
    waiting = asyncio.create_task(anext(trigger.run()))
    async with asyncio.timeout(60):
        while not (now := await trigger.status()).done:
            assert now.state == "running"
            await asyncio.sleep(0.1)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await trigger.on_kill()

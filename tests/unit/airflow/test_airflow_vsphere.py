"""vSphere in Airflow: the form, the Test button, and what its operators and triggers say, against a real vCenter."""

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from airflow.sdk import Connection
from airflow.sdk._shared.module_loading import import_string
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred

sys.path.append(str(Path(__file__).parents[1] / "hypervisors" / "vsphere"))
from vcenter_process import VCenter, make_machine  # noqa: E402

from drover.hypervisors.vsphere import inventory, tasks  # noqa: E402
from drover.hypervisors.vsphere.recent import recent  # noqa: E402
from drover.hypervisors.vsphere.session import Session  # noqa: E402
from drover_airflow.hooks.vsphere import VsphereHook  # noqa: E402
from drover_airflow.operators.vsphere import VsphereInventoryOperator, VsphereSnapshotOperator  # noqa: E402
from drover_airflow.triggers.vsphere import VsphereTaskTrigger  # noqa: E402


@pytest.fixture(scope="module")
def vcenter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VCenter]:
    started = VCenter(tmp_path_factory.mktemp("vc"), machines=2)
    try:
        yield started
    finally:
        started.stop()


@pytest.fixture
def connection(vcenter: VCenter, monkeypatch: pytest.MonkeyPatch) -> str:
    spec = vcenter.spec()
    values = {name: getattr(spec, name) for name in ("host", "port", "login", "password", "extra")}
    monkeypatch.setenv("AIRFLOW_CONN_VC_TEST", json.dumps({"conn_type": "vsphere", **values}))
    return "vc_test"


def test_airflow_finds_the_connection_type_with_its_form():
    from airflow.providers_manager import ProvidersManager
    from airflow.sdk.providers_manager_runtime import ProvidersManagerTaskRuntime

    hook = ProvidersManagerTaskRuntime().hooks["vsphere"]
    assert hook is not None
    assert hook.hook_class_name == "drover_airflow.hooks.vsphere.VsphereHook"
    assert hook.connection_testable
    widgets = ProvidersManager().connection_form_widgets
    assert {"extra__vsphere__thumbprint", "extra__vsphere__ca", "extra__vsphere__compute"} <= set(widgets)


def test_the_test_button(connection: str, monkeypatch: pytest.MonkeyPatch):
    good, message = VsphereHook(connection).test_connection()
    assert good, message
    assert message.startswith("127.0.0.1 answers: vsphere VMware vCenter Server")
    assert message.endswith("2 machines.")
    wrong = Connection(conn_id="vc_wrong", conn_type="vsphere", host="127.0.0.1", port=1, login="a", password="b")
    monkeypatch.setenv("AIRFLOW_CONN_VC_WRONG", wrong.as_json())
    assert VsphereHook("vc_wrong").test_connection() == (
        False,
        "127.0.0.1 takes no connection: nothing listens there. Try again when the server answers.",
    )


def test_the_inventory(connection: str):
    found = VsphereInventoryOperator(task_id="look", conn_id=connection).execute({})
    assert [host["name"] for host in found["hosts"]] == ["esx-t1", "esx-t2"]
    assert len(found["machines"]) == 2
    json.dumps(found)


def test_a_snapshot_is_waited_for_without_a_worker_and_removed(connection: str, vcenter: VCenter):
    session = Session(vcenter.spec())
    try:
        made = make_machine(session, "to be frozen")
        take = VsphereSnapshotOperator(task_id="take", conn_id=connection, machine="to be frozen", purpose="before")
        with pytest.raises(TaskDeferred) as deferred:
            take.execute({})
        trigger = deferred.value.trigger
        path, arguments = trigger.serialize()
        assert import_string(path)(**arguments).serialize() == (path, arguments)
        assert events(trigger) == [{"status": "done", "message": "the snapshot of machine 'to be frozen' is done."}]
        take.execute_complete({}, {"status": "done", "message": "Done."})
        assert inventory.machine(session, "to be frozen").snapshots == ("drover before",)
        take.state = "absent"
        take.execute({})
        assert inventory.machine(session, "to be frozen").snapshots == ()
        tasks.wait(session, made.Destroy_Task(), "cleaning up", deadline=30)
    finally:
        session.close()


def test_a_task_that_a_person_ends_leaves_no_snapshot(connection: str, vcenter: VCenter):
    """The vCenter is still taking it then."""
    session = Session(vcenter.spec())
    try:
        made = make_machine(session, "ended")
        take = VsphereSnapshotOperator(task_id="take", conn_id=connection, machine="ended", purpose="before")
        vcenter.ask("faults", faults={"slow_snapshots": 400})
        with pytest.raises(TaskDeferred) as deferred:
            take.execute({})
        assert inventory.machine(session, "ended").snapshots == ()
        asyncio.run(deferred.value.trigger.on_kill())
        vcenter.ask("faults", faults={})
        assert [one.ended for one in recent(session, made._moId)] == [True] * 2, "frozen, and free again"
        assert inventory.machine(session, "ended").snapshots == ()
        tasks.wait(session, made.Destroy_Task(), "cleaning up", deadline=30)
    finally:
        session.close()


def test_a_task_that_failed_is_told_in_its_words(connection: str, vcenter: VCenter):
    session = Session(vcenter.spec())
    try:
        made = make_machine(session, "off already")
        task = made.PowerOffVM_Task()
        trigger = VsphereTaskTrigger(conn_id=connection, task=task._moId, what="the power-off of machine 'off already'")
        assert events(trigger) == [
            {
                "status": "failed",
                "message": "127.0.0.1, the power-off of machine 'off already': it is not in the power state that this "
                "needs. Look at the machine, then try again.",
            }
        ]
        tasks.wait(session, made.Destroy_Task(), "cleaning up", deadline=30)
    finally:
        session.close()


def test_a_machine_that_is_not_there_fails_at_once(connection: str):
    take = VsphereSnapshotOperator(task_id="take", conn_id=connection, machine="nobody", purpose="before")
    with pytest.raises(AirflowFailException, match="There is no machine named 'nobody' on 127.0.0.1"):
        take.execute({})


def events(trigger):
    async def collect():
        return [event.payload async for event in trigger.run()]

    return asyncio.run(collect())

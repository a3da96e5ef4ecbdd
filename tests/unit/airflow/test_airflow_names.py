"""Whatever a user can name reaches the other side of every operator as data, or is refused in words; nothing runs it.

Each text parameter of each operator in the plugin is given names that are orders to a shell or to PowerShell, against
simulated hosts of every kind. An operator or a parameter that is not in the tables of `operator_names` fails the test.
"""

import asyncio
import json
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, TaskDeferred
from named_hosts import (
    CANARY,
    NAMES,
    PLAIN,
    Kvm,
    Two,
    VCenter,
    Wire,
    made_hosts,
    run_machine,
    take_away,
    vcenter,
    vcenter_process,
    windows,
)  # fmt: skip
from operator_names import CASES, DEFERRED, DONE, NO_LINE_BREAKS, RIGHT, SAYS, given, operators, parameters
from waves_for_dags import write

from drover.errors import DroverError
from drover.hypervisors.hyperv.session import Session
from drover_airflow import evacuation
from drover_airflow.form import form
from drover_airflow.hooks.base import HypervisorHook
from drover_airflow.operators import hyperv, libvirt, vsphere
from drover_airflow.operators.evacuation import EvacuationOperator
from drover_airflow.operators.form import FormOperator
from drover_lab.process import wait_until


def test_every_operator_and_every_parameter_of_it_is_here() -> None:
    assert {each.__name__ for each in operators()} == {each.__name__ for each in RIGHT}
    assert {each.__name__: parameters(each) for each in RIGHT} == {each.__name__: set(RIGHT[each]) for each in RIGHT}


@dataclass(frozen=True)
class Hosts:
    """:param package: one of the vCenter's machines, exported."""

    two: Two
    center: VCenter
    package: Path


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    package = tmp_path_factory.mktemp("package") / "exported.ova"
    with (
        made_hosts(tmp_path_factory.mktemp("hyperv")) as two,
        vcenter_process(tmp_path_factory.mktemp("vc")) as center,
    ):
        windows(two)
        vcenter(center, package)
        yield Hosts(two, center, package)
        two.empty()


@dataclass(frozen=True)
class Seen:
    hosts: Hosts
    wire: Wire
    kvm: Kvm


@pytest.fixture
def seen(hosts: Hosts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Seen]:
    """Every connection; in the end, nothing was executed, and nothing was sent but data."""
    wire, kvm = Wire(monkeypatch), Kvm(tmp_path, monkeypatch)
    ends = {"hyperv_l": hosts.two.here.spec("ntlm"), "hyperv_r": hosts.two.there.spec("ntlm")}
    ends |= dict.fromkeys(("vsphere_l", "vsphere_r"), hosts.center.spec())
    ends |= {f"libvirt_{name[-1]}": host.connection.spec for name, host in kvm.hosts.items()}
    for conn_id, spec in ends.items():
        values = {name: getattr(spec, name) for name in ("host", "port", "login", "password", "extra")}
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps({"conn_type": spec.kind, **values}))
    monkeypatch.setenv("DROVER_STAGING", str(tmp_path / "staging"))
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "wave", "  - {name: plain, strategy: cold}\n")
    (tmp_path / "exported.ova").symlink_to(hosts.package)
    yield Seen(hosts, wire, kvm)
    kvm.close()
    assert not list(tmp_path.rglob(CANARY)), "a name was run as a command"
    wire.require_data()
    kvm.require_data()
    for peer in (hosts.two.here, hosts.two.there):
        status = peer.status()
        assert (status["unmodelled"], status["shells"]) == ([], [])


def context(**more: Any) -> Any:
    return {"ti": SimpleNamespace(dag_id="own", run_id="run"), "run_id": "run", **more}


def outcome(operator: BaseOperator, **more: Any) -> str:
    """What became of it, in words; any error but those that Airflow is told plainly goes through."""
    try:
        operator.execute(context(**more))
    except TaskDeferred:
        return DEFERRED
    except AirflowException as error:
        return str(error)
    return DONE


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
@pytest.mark.parametrize(("operator", "parameter"), CASES, ids=[f"{one.__name__}-{what}" for one, what in CASES])
def test_a_name_is_data_or_refused_in_words(seen: Seen, operator: Any, parameter: str, name: str) -> None:
    values, text = given(operator, parameter, name)
    what = f"{operator.__name__} {parameter}"
    if operator.__module__.endswith(".libvirt"):
        seen.kvm.make(name if parameter == "machine" and "\n" not in name else PLAIN)

    found = outcome(operator(task_id="task", **values))

    says = SAYS.get(what) or SAYS[parameter]
    if "\n" in name:
        says = NO_LINE_BREAKS.get(what, says)
    if says in (DONE, DEFERRED):
        assert found == says
        ARRIVED.get(what, lambda *_: None)(seen, text)
    else:
        assert says.format(*[text] * says.count("{")) in found
    if operator is hyperv.HypervCheckpointOperator and found == DONE:
        assert outcome(operator(task_id="task", **{**values, "state": "absent"})) == DONE


def is_machine(conn_id: str) -> Callable[[Seen, str], None]:
    def look(_: Seen, text: str) -> None:
        with HypervisorHook(conn_id).get_conn() as hypervisor:
            assert hypervisor.machine(text).state == "off"

    return look


def told(seen: Seen, text: str) -> None:
    assert seen.wire.told(text)


def snapshot(_: Seen, text: str) -> None:
    with HypervisorHook("vsphere_l").get_conn() as hypervisor:
        wait_until(
            "the snapshot is there", lambda: f"drover {text}" in hypervisor.machine(PLAIN).snapshots, deadline=60
        )


def is_file(_: Seen, text: str) -> None:
    assert Path(text).exists()


def moved(seen: Seen, text: str) -> None:
    (definition,) = seen.kvm.moved
    assert ET.fromstring(definition).findtext("name") == text


# How a text that was not refused got there.
ARRIVED: dict[str, Callable[[Seen, str], None]] = {
    "HypervCheckpointOperator purpose": told,
    "HypervExportOperator folder": told,
    "HypervImportOperator called": is_machine("hyperv_l"),
    "HypervImportOperator switch": told,
    "VsphereSnapshotOperator purpose": snapshot,
    "VsphereExportOperator target": is_file,
    "VsphereImportOperator called": is_machine("vsphere_l"),
    "LibvirtLiveMigrationOperator machine": moved,
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_running_machine_moves_between_hyper_v_hosts(seen: Seen, name: str) -> None:
    run_machine(seen.hosts.two, f"{name} live")
    ends = {"source_conn_id": "hyperv_l", "target_conn_id": "hyperv_r"}
    places = {"networks": {"production": "production"}, "storage": {"D:": "D:"}}
    move_live(hyperv.HypervMigrationOperator(task_id="move", machine=f"{name} live", **ends, **places))
    with HypervisorHook("hyperv_l").get_conn() as source, HypervisorHook("hyperv_r").get_conn() as target:
        assert source.find(f"{name} live") is None
        assert target.machine(f"{name} live").state == "running"
        take_away(target, f"{name} live")


@pytest.mark.parametrize("name", [name for name in NAMES.values() if "\n" not in name])
def test_a_running_machine_moves_between_hosts_of_a_vcenter(seen: Seen, name: str) -> None:
    with HypervisorHook("vsphere_l").get_conn() as hypervisor:
        hypervisor.power_on(name)
    ends = {"source_conn_id": "vsphere_l", "target_conn_id": "vsphere_r", "host": "esx-t2"}
    places = {"networks": {}, "storage": {"datastore1": "datastore1"}}
    move_live(vsphere.VsphereMigrationOperator(task_id="move", machine=name, **ends, **places))
    with HypervisorHook("vsphere_l").get_conn() as hypervisor:
        found = hypervisor.machine(name)
        assert (found.state, found.host) == ("running", "esx-t2")
        hypervisor.power_off(name)


def move_live(operator: Any) -> None:
    """Waits as the triggerer does."""
    with pytest.raises(TaskDeferred) as deferred:
        operator.execute(context())

    async def events() -> list[Any]:
        return [event.payload async for event in deferred.value.trigger.run()]

    (event,) = asyncio.run(events())
    assert event == {"status": "done", "message": ""}
    assert operator.execute_complete(context(), event)["bytes"] > 0


@pytest.mark.parametrize(
    ("operator", "conn_id", "names"),
    [
        (hyperv.HypervInventoryOperator, "hyperv_l", set(NAMES.values())),
        (vsphere.VsphereInventoryOperator, "vsphere_l", set(NAMES.values()) - {NAMES["newlines"]}),
        (libvirt.LibvirtInventoryOperator, "libvirt_l", {NAMES["quote"]}),
    ],
)
def test_an_inventory_tells_the_names_as_they_are(seen: Seen, operator: Any, conn_id: str, names: set[str]) -> None:
    seen.kvm.make(NAMES["quote"])
    found = operator(task_id="look", conn_id=conn_id).execute(context())
    assert names <= {machine["name"] for machine in found["machines"]}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_the_forms_take_names_as_they_are(seen: Seen, name: str) -> None:
    mapped = {"networks": {name: name, "production": "production"}, "storage": {name: name, "D:": "D:"}}
    answers = {key: param.value for key, param in form().items() if key not in ("machine", "source", "target")}
    answers |= {"machine": name, "source": "hyperv_l", "target": "hyperv_r", **mapped}
    operator = FormOperator(task_id="form")
    for end in ("source", "target"):
        assert "(expected: an Airflow connection's id" in outcome(operator, params={**answers, end: name})
    if "\n" in name:
        assert "has a line break in it" in outcome(operator, params=answers)
    else:
        wave = json.loads(operator.execute(context(params=answers))["wave"])
        assert wave["machines"][0]["name"] == wave["mappings"]["networks"][name] == name

    answers = {key: param.value for key, param in evacuation.form().items() if key not in ("source", "targets")}
    answers |= {"source": "hyperv_l", "targets": ["hyperv_r"], "host": name, **mapped}
    operator = EvacuationOperator(task_id="evacuate")
    assert f"There is no host '{name}' behind the connection" in outcome(operator, params=answers)
    for conn_ids in ({"source": name}, {"targets": [name]}):
        said = outcome(operator, params={**answers, "host": None, **conn_ids})
        assert f"There is no Airflow connection '{name}'" in said


def test_what_is_not_data_would_be_seen(seen: Seen) -> None:
    name = NAMES["quote"]
    with Session(seen.hosts.two.here.spec("ntlm")) as session, pytest.raises(DroverError, match="Stop-Computer"):
        session.run(f"$name = '{name}'")
    with pytest.raises(AssertionError):
        seen.wire.require_data()
    seen.hosts.two.here.ask("clear")
    seen.wire.clear()

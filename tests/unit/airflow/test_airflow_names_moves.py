"""Machines that are called like orders go through every stage of a move, from and to simulated hosts.

Each stage's operator is run as Airflow runs it; the other side has the name as it is, and nothing was executed.
"""

import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

import pytest
from airflow.providers.standard.operators import hitl
from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowSkipException, TaskAwaitingInput
from named_hosts import CANARY, NAMES, Kvm, VCenter, Wire, vcenter_process

sys.path.append(str(Path(__file__).parents[1] / "hyperv"))
from hyperv_peer import World  # noqa: E402
from hyperv_place import Place, running, settings, source  # noqa: E402
from movers import kvm_machine  # noqa: E402
from movers import settings as vsphere_settings  # noqa: E402

from drover.guest import files  # noqa: E402
from drover.hypervisors.libvirt import nbd_server  # noqa: E402
from drover.hypervisors.vsphere.hypervisor import VsphereHypervisor  # noqa: E402
from drover.model import Firmware, VirtualMachine  # noqa: E402
from drover.quality import guest_files  # noqa: E402
from drover.quality.runner import Verdict  # noqa: E402
from drover.waves.names import key  # noqa: E402
from drover_airflow.hooks.base import HypervisorHook  # noqa: E402
from drover_airflow.operators import approval, decommission, migration, report, take_back, waiting  # noqa: E402

pytestmark = pytest.mark.slow
MIB = 1 << 20
STORAGE = {"hyperv": "D:", "vsphere": "datastore1", "libvirt": "default"}
RUN = "manual__'; touch canary #"
CONTEXT: Any = {"run_id": RUN, "task_instance": SimpleNamespace(id="ti")}
BEFORE = (migration.InventoryOperator, migration.PreflightOperator, migration.BackupOperator)
MOVED = (
    *BEFORE, migration.RestoreTestOperator, waiting.WindowOperator,
    migration.TransferOperator, migration.ValidateOperator, migration.TrialOperator, approval.ApprovalOperator,
    migration.CutoverOperator, migration.CommitOperator,
)  # fmt: skip
TAKEN_BACK = (*BEFORE, migration.RehearsalOperator, migration.TransferOperator, migration.RollbackOperator)


@dataclass(frozen=True)
class Hosts:
    place: Place
    center: VCenter


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    world = World.make(tmp_path_factory.mktemp("world"))
    with (
        running(world, tmp_path_factory.mktemp("place"), "hv-n") as place,
        vcenter_process(tmp_path_factory.mktemp("vc")) as center,
    ):
        yield Hosts(place, center)
        place.peer.ask("empty")


@pytest.fixture
def kvm(hosts: Hosts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kvm]:
    """All connections; in the end, nothing was executed, and nothing was sent but data."""
    wire, made = Wire(monkeypatch), Kvm(tmp_path, monkeypatch)
    jump = {"trial_jump": "nobody@127.0.0.1"}
    windows = hosts.place.peer.spec("ntlm", "https", smb_port=hosts.place.samba.port, **jump)
    center = hosts.center.spec()
    center = replace(center, extra={**center.extra, **jump})
    for spec in (windows, center, made.hosts["kvm-l"].connection.spec):
        values = {name: getattr(spec, name) for name in ("host", "port", "login", "password", "extra")}
        monkeypatch.setenv(f"AIRFLOW_CONN_{spec.kind.upper()}", json.dumps({"conn_type": spec.kind, **values}))
    monkeypatch.setenv("DROVER_STAGING", str(tmp_path / "staging"))
    monkeypatch.chdir(tmp_path)
    # The disks are empty, and nobody answers an approval here.
    monkeypatch.setattr(files, "read_both", lambda *_: (None, None))
    monkeypatch.setattr(guest_files, "validate", no_files)
    monkeypatch.setattr(hitl, "upsert_hitl_detail", lambda **_: None)
    with tempfile.TemporaryDirectory(prefix="n") as folder:  # the path of a socket is short
        monkeypatch.setattr(nbd_server, "FOLDER", folder)
        yield made
    made.close()
    assert not list(tmp_path.rglob(CANARY)), "a name was run as a command"
    wire.require_data()
    made.require_data()


def no_files(_before: object, _after: object, _changing: object, folder: Path) -> Verdict:
    folder.mkdir(parents=True, exist_ok=True)
    result = folder / "result.json"
    result.write_text("{}")
    return Verdict("guest_files", passed=True, failures=(), checks=1, result_path=str(result), docs="index.html")


def small(machine: VirtualMachine) -> VirtualMachine:
    """Without adapters: here no network leads anywhere."""
    return replace(machine, disks=(replace(machine.disks[0], size=4 * MIB, allocated=MIB),), nics=(), boot_order=())


def make(hosts: Hosts, kvm: Kvm, kind: str, name: str) -> None:
    """A machine at the source, off, that an earlier move brought there."""
    if kind == "libvirt":
        kvm.make(name)
        kvm.hosts["kvm-l"].hypervisor.power_off(name)
        return
    windows = kind == "hyperv"
    machine = small(source(name, Firmware.BIOS) if windows else kvm_machine(name, firmware=Firmware.BIOS))
    machine = replace(machine, uuid=str(uuid5(NAMESPACE_DNS, name)))
    wanted = settings(machine) if windows else vsphere_settings(machine, host="esx-t1")
    with hosts.place.open() if windows else VsphereHypervisor(hosts.center.spec()) as here:
        here.define(machine, wanted)
        here.tag(name, replace(wanted.owner, role="committed"))


def wave_of(here: str, there: str, name: str, folder: Path) -> dict[str, Any]:
    networks = {"production": "production", "prod": "production"}
    return {
        "wave": "names",
        "source": here,
        "target": there,
        "mappings": {"networks": networks, "storage": {STORAGE[here]: STORAGE[there]}, "test_network": "isolated"},
        "backup": {"folder": str(folder), "restore_test": "all"},
        "approval": {"approvers": [], "deadline": "1 h"},
        "machines": [{"name": name, "strategy": "cold", "checks": []}],
    }


def run(operators: Sequence[type[BaseOperator]], wave: dict[str, Any], name: str) -> dict[str, str]:
    """What each said that did not simply pass. A person says yes where one is asked."""
    said = {}
    for operator in operators:
        task: Any = operator(task_id="task", wave=json.dumps(wave), machine=key(name))
        try:
            task.execute(CONTEXT)
        except TaskAwaitingInput:
            yes = {"chosen_options": ["approve"], "params_input": {}, "responded_at": datetime.now(UTC)}
            task.execute_complete(CONTEXT, {**yes, "responded_by_user": {"id": name, "name": name}})
        except AirflowException as error:
            said[operator.__name__] = str(error)
    return said


@pytest.mark.parametrize(
    ("here", "there", "what"),
    [("vsphere", "hyperv", "quote"), ("hyperv", "vsphere", "subexpression"), ("libvirt", "hyperv", "backticks")],
)
def test_it_moves(hosts: Hosts, kvm: Kvm, tmp_path: Path, here: str, there: str, what: str) -> None:
    name = NAMES[what]
    make(hosts, kvm, here, name)
    wave = wave_of(here, there, name, tmp_path)
    assert run(MOVED, wave, name) == {}
    with HypervisorHook(there).get_conn() as target:
        arrived = target.machine(name)
    assert (arrived.name, arrived.ownership and arrived.ownership.machine) == (name, name)
    assert take_back.AfterFailureOperator(task_id="after", wave=json.dumps(wave)).execute(CONTEXT) == []
    assert set(report.ReportOperator(task_id="report", wave=json.dumps(wave)).execute(CONTEXT)) == {name}
    if here != "libvirt":  # whose test driver has no files that it could remove
        remove(name)
        with HypervisorHook(here).get_conn() as left:
            assert left.find(name) is None
    assert hosts.place.peer.status()["unmodelled"] == []


def remove(name: str) -> None:
    leaving = [{"wave": "names", "run": RUN, "machine": name, "days": 0}]
    asked = decommission.DecommissionApprovalOperator(task_id="ask", machines=leaving)
    with pytest.raises(TaskAwaitingInput):
        asked.execute(CONTEXT)
    yes = {"chosen_options": ["remove for good"], "params_input": {}, "responded_at": datetime.now(UTC)}
    asked.execute_complete(CONTEXT, {**yes, "responded_by_user": {"id": name, "name": name}})
    decommission.DecommissionOperator(task_id="remove", **leaving[0]).execute(CONTEXT)


def test_it_is_rehearsed_and_taken_back(hosts: Hosts, kvm: Kvm, tmp_path: Path) -> None:
    name = NAMES["subexpression"] + NAMES["backticks"]
    make(hosts, kvm, "vsphere", name)
    assert run(TAKEN_BACK, wave_of("vsphere", "hyperv", name, tmp_path), name) == {}
    again = take_back.TakeBackOperator(task_id="again", wave="names", run=RUN, machine=name, only_left=False)
    with pytest.raises(AirflowSkipException, match="There is nothing to take back"):
        again.execute(CONTEXT)
    with hosts.place.open() as target:
        assert target.find(name) is None
    assert hosts.place.peer.status()["unmodelled"] == []

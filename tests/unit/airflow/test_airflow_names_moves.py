"""Machines that are called like orders go through every stage of a move, from and to hosts of every kind.

Each stage's operator is run as Airflow runs it; the other side has the name as it is, and nothing was executed.
"""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.standard.operators import hitl
from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowSkipException, TaskAwaitingInput
from named_hosts import CANARY, NAMES, require_words, take_away
from named_moves import STORAGE, Hosts, Seen, made_hosts, make, watched
from operator_names import operators, parameters

from drover.errors import DroverError
from drover.guest import files
from drover.hypervisors.libvirt.hypervisor import LibvirtHypervisor
from drover.hypervisors.vsphere import counters
from drover.hypervisors.vsphere.hypervisor import VsphereHypervisor
from drover.model import PowerState
from drover.quality import guest_files, performance
from drover.quality.runner import Verdict
from drover.waves.names import key
from drover_airflow.hooks.base import HypervisorHook
from drover_airflow.operators import approval, decommission, migration, report, take_back, waiting

pytestmark = [pytest.mark.lab, pytest.mark.slow]
RUN = "manual__'; touch canary #"
CONTEXT: Any = {"run_id": RUN, "task_instance": SimpleNamespace(id="ti")}
BEFORE = (
    migration.InventoryOperator, migration.PreflightOperator, migration.BaselineOperator, migration.BackupOperator,
)  # fmt: skip
MOVED = (
    *BEFORE, migration.RestoreTestOperator, waiting.WindowOperator,
    migration.TransferOperator, migration.ValidateOperator, migration.TrialOperator, approval.ApprovalOperator,
    migration.CutoverOperator, migration.PerformanceOperator, migration.CommitOperator,
)  # fmt: skip
TAKEN_BACK = (*BEFORE, migration.RehearsalOperator, migration.TransferOperator, migration.RollbackOperator)


def test_every_step_of_a_move_is_taken_here() -> None:
    """They are found by what they are asked for, in whatever module they are."""
    steps = {each for each in operators() if parameters(each) == {"wave", "machine"}}
    assert {each.__name__ for each in steps} == {each.__name__ for each in {*MOVED, *TAKEN_BACK}}


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    with made_hosts(tmp_path_factory.mktemp("hosts"), f"pytest{os.getpid()}-names") as made:
        yield made


@pytest.fixture
def seen(hosts: Hosts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Seen]:
    # The disks hold no file, and nobody answers an approval here.
    monkeypatch.setattr(files, "read_both", lambda *_: (None, None))
    monkeypatch.setattr(guest_files, "validate", no_files)
    monkeypatch.setattr(hitl, "upsert_hitl_detail", lambda **_: None)
    # The simulated vCenter makes some measurements up, also of a minute ago; and one end boots while it is measured.
    now = counters._now
    monkeypatch.setattr(counters, "_now", lambda session: now(session) - timedelta(seconds=70))
    monkeypatch.setattr(VsphereHypervisor, "figures", lambda _: frozenset({"cpu", "write_rate"}))
    monkeypatch.setattr(performance, "COSTS", tuple(replace(one, slack=1e6) for one in performance.COSTS))
    with watched(hosts, tmp_path, monkeypatch) as everything:
        yield everything


def no_files(_before: object, _after: object, _changing: object, folder: Path) -> Verdict:
    folder.mkdir(parents=True, exist_ok=True)
    result = folder / "result.json"
    result.write_text("{}")
    return Verdict("guest_files", passed=True, failures=(), checks=1, result_path=str(result), docs="index.html")


def wave_of(here: str, there: str, name: str, folder: Path) -> dict[str, Any]:
    return {
        "wave": "names",
        "source": here,
        "target": there,
        "mappings": {
            "networks": {"production": "production"},
            "storage": {STORAGE[here]: STORAGE[there]},
            "test_network": "isolated",
        },
        "backup": {"folder": str(folder / "backup"), "restore_test": "all"},
        "approval": {"approvers": [], "deadline": "1 h"},
        "performance": {"baseline": "1 s", "tolerance": "1000 %"},
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
    ("here", "there", "name"),
    [
        pytest.param("vsphere", "hyperv", NAMES["quote"], id="vsphere-hyperv"),
        pytest.param("hyperv", "vsphere", NAMES["subexpression"], id="hyperv-vsphere"),
        pytest.param("libvirt", "hyperv", NAMES["backticks"], id="libvirt-hyperv"),
        pytest.param("hyperv", "libvirt", NAMES["subexpression"] + NAMES["quote"], id="hyperv-libvirt"),
        pytest.param("vsphere", "libvirt", NAMES["backticks"] + NAMES["quote"], id="vsphere-libvirt"),
    ],
)
def test_it_moves(seen: Seen, tmp_path: Path, here: str, there: str, name: str) -> None:
    make(here, name, tmp_path)
    wave = wave_of(here, there, name, tmp_path)
    assert run(MOVED, wave, name) == {}
    with HypervisorHook(there).get_conn() as target:
        arrived = target.machine(name)
    assert (arrived.name, arrived.ownership and arrived.ownership.machine) == (name, name)
    assert arrived.state is PowerState.RUNNING
    assert take_back.AfterFailureOperator(task_id="after", wave=json.dumps(wave)).execute(CONTEXT) == []
    assert set(report.ReportOperator(task_id="report", wave=json.dumps(wave)).execute(CONTEXT)) == {name}
    remove(name)
    with HypervisorHook(here).get_conn() as left, HypervisorHook(there).get_conn() as target:
        assert left.find(name) is None
        target.power_off(name)


def remove(name: str) -> None:
    leaving = [{"wave": "names", "run": RUN, "machine": name, "days": 0}]
    asked = decommission.DecommissionApprovalOperator(task_id="ask", machines=leaving)
    with pytest.raises(TaskAwaitingInput):
        asked.execute(CONTEXT)
    yes = {"chosen_options": ["remove for good"], "params_input": {}, "responded_at": datetime.now(UTC)}
    asked.execute_complete(CONTEXT, {**yes, "responded_by_user": {"id": name, "name": name}})
    decommission.DecommissionOperator(task_id="remove", **leaving[0]).execute(CONTEXT)


@pytest.mark.parametrize(
    ("here", "there", "name"),
    [
        pytest.param("vsphere", "hyperv", NAMES["subexpression"] + NAMES["backticks"], id="vsphere-hyperv"),
        pytest.param("hyperv", "libvirt", NAMES["quote"] + NAMES["backticks"], id="hyperv-libvirt"),
    ],
)
def test_it_is_rehearsed_and_taken_back(seen: Seen, tmp_path: Path, here: str, there: str, name: str) -> None:
    make(here, name, tmp_path)
    assert run(TAKEN_BACK, wave_of(here, there, name, tmp_path), name) == {}
    again = take_back.TakeBackOperator(task_id="again", wave="names", run=RUN, machine=name, only_left=False)
    with pytest.raises(AirflowSkipException, match="There is nothing to take back"):
        again.execute(CONTEXT)
    with HypervisorHook(there).get_conn() as target, HypervisorHook(here).get_conn() as source:
        assert target.find(name) is None
        assert source.power_state(name) is PowerState.RUNNING
        source.power_off(name)


@pytest.mark.parametrize(
    ("here", "there"), [("hyperv", "libvirt"), ("hyperv", "vsphere"), ("vsphere", "hyperv"), ("libvirt", "hyperv")]
)
def test_no_step_takes_a_name_with_a_line_break(seen: Seen, tmp_path: Path, here: str, there: str) -> None:
    """Hyper-V has such a machine; it stays as it is, and no host is even asked."""
    name = NAMES["newlines"]
    if here == "hyperv":
        make(here, name, tmp_path)
        seen.wire.clear()
    steps = (*MOVED, *TAKEN_BACK)
    said = run(steps, wave_of(here, there, name, tmp_path), name)
    assert said.keys() == {each.__name__ for each in steps}
    assert [text for text in said.values() if f"the name {name!r} has a line break in it, with which" not in text] == []
    assert (seen.wire.lines, seen.ssh.commands) == ([], [])
    assert not (tmp_path / "backup").exists()
    if here == "hyperv":
        with HypervisorHook(here).get_conn() as source:
            found = source.machine(name)
            assert (found.state, found.snapshots) == (PowerState.RUNNING, ())
            take_away(source, name)


def test_kvm_makes_no_machine_with_a_line_break_in_its_name(seen: Seen, tmp_path: Path) -> None:
    images = seen.hosts.images()
    with pytest.raises(DroverError, match="libvirt on kvm-a says: invalid char in name"):
        make("libvirt", NAMES["newlines"], tmp_path)
    assert seen.hosts.images() == images
    with HypervisorHook("libvirt").get_conn() as hypervisor:
        assert hypervisor.find(NAMES["newlines"]) is None


def test_what_a_shell_of_a_host_ran_would_be_seen(seen: Seen) -> None:
    with LibvirtHypervisor(seen.hosts.kvm) as hypervisor:
        channel = hypervisor.connection.ssh.transport.open_session()
        channel.exec_command(f"echo {NAMES['subexpression']}")
        assert channel.recv_exit_status() == 0
        with pytest.raises(AssertionError, match="run as a command"):
            seen.hosts.require_nothing_run()
        hypervisor.connection.ssh.check(["rm", CANARY])
    with pytest.raises(AssertionError):
        require_words(seen.ssh.commands)
    seen.ssh.commands.clear()

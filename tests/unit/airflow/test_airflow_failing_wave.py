"""Ten machines in three tiers, and one that fails: who does not begin, who comes back, and what the report says."""

import sys
from pathlib import Path

import pytest
from dag_runs import DagRun

sys.path.append(str(Path(__file__).parents[1] / "migration"))

from fake_host import MIB, Answer, FakeHost

from drover.errors import OperatorNeededError
from drover.evidence.store import RunStore
from drover.hypervisors import registry
from drover.hypervisors.connection import ConnectionSpec
from drover.migration import checks
from drover.migration.together import to_take_back
from drover.model import Nic, PowerState
from drover.quality import inventory as inventory_suite
from drover.quality import machine as machine_suite
from drover.quality import transfer as transfer_suite
from drover.quality.runner import Verdict
from drover.waves.loader import load
from drover_airflow import moves
from drover_airflow.wave_dag import REPORT, build_dag

OFF, RUNNING = PowerState.OFF, PowerState.RUNNING
TIERS = {
    "db1": [], "db2": [], "db3": [],
    "app1": ["db1"], "app2": ["db1"], "app3": ["db2"], "app4": ["db3"],
    "web1": ["app1", "app2"], "web2": ["app3"], "web3": ["app4"],
}  # fmt: skip
FAILS = "app3"


@pytest.fixture
def hosts(tmp_path, monkeypatch):
    """Two hosts over real images; what the suites say of a machine is another test's business, and takes seconds."""
    found = {name: FakeHost(name, tmp_path / name) for name in ("a", "b")}
    for number, name in enumerate(TIERS, start=1):
        found["a"].add(name, {"vda": bytes([number]) * (MIB // 16)})
        found["a"].change(name, nics=(Nic(f"52:54:00:00:00:{number:02x}", "production", "virtio"),))
    monkeypatch.setattr(registry, "connect", lambda spec: found[spec.id])
    monkeypatch.setattr(checks, "direct", lambda *_: Answer())
    monkeypatch.setattr("drover.guest.files.read_both", lambda *_: (None, None))
    good = Verdict("unit", passed=True, failures=(), checks=1, result_path="result.json", docs="index.html")
    for suite in (inventory_suite, machine_suite, transfer_suite):
        monkeypatch.setattr(suite, "validate", lambda *_: good)
    monkeypatch.setattr("drover.quality.guest_files.validate", lambda *_: good)
    monkeypatch.setattr("drover.quality.application.validate", lambda *_: good)
    return found


@pytest.fixture
def fails(hosts, monkeypatch):
    """The target host refuses to start one of the machines."""
    start = hosts["b"].power_on

    def refuse(name):
        if name == FAILS:
            raise OperatorNeededError(f"'{name}' does not boot here.", remedy="Look at its console.")
        start(name)

    monkeypatch.setattr(hosts["b"], "power_on", refuse)


def wave_file(tmp_path, policy):
    machines = "".join(
        f"  - {{name: {name}, strategy: cold, after: [{', '.join(after)}], boot_deadline: 2 s,\n"
        "     checks: [{http: {url: 'http://192.0.2.1/health'}}]}\n"
        for name, after in TIERS.items()
    )
    path = tmp_path / "ten.yaml"
    path.write_text(
        "wave: ten\nsource: a\ntarget: b\nmappings: {networks: {production: production}, storage: {default: default}}\n"
        f"backup: {{folder: {tmp_path / 'backup'}}}\non_failure: {policy}\nmachines:\n{machines}"
    )
    return path


def run(tmp_path, monkeypatch, policy):
    path = wave_file(tmp_path, policy)

    def resolver(name):
        return ConnectionSpec(name, "libvirt", name)

    monkeypatch.setattr(moves.opened.__wrapped__, "__defaults__", (resolver, ""))
    monkeypatch.setattr(moves, "resolve", resolver)
    monkeypatch.setattr("drover_airflow.taking_back.resolve", resolver)
    return DagRun(build_dag(load(path), path), "manual__1").run()


def told(done):
    """What the report says of each machine."""
    words = done.errors[REPORT].partition("not moved. ")[2].split(" | ")
    return dict(part.split(": ", 1) for part in words if part.partition(": ")[0] in TIERS)


def places(hosts):
    return {name: "b" if hosts["b"].state(name) is RUNNING else "a" for name in TIERS if _one(hosts, name)}


def _one(hosts, name):
    """Law: never two, and never none."""
    assert [host.state(name) for host in hosts.values()].count(RUNNING) == 1, name
    return True


@pytest.mark.usefixtures("fails")
def test_what_was_moved_stays_and_what_needed_it_does_not_begin(hosts, tmp_path, monkeypatch):
    done = run(tmp_path, monkeypatch, "stay")

    assert {name for name, host in places(hosts).items() if host == "a"} == {FAILS, "web2"}
    assert done.states["web2.inventory"] == "upstream_failed"
    assert hosts["b"].state("web2") is None
    assert done.states[f"{FAILS}.rollback"] == "success"
    assert done.states[REPORT] == "failed"
    assert told(done)["web2"] == "not begun, because it comes after 'app3', which was not moved"
    assert "'app3' does not boot here" in told(done)[FAILS]
    assert "2 of 10 machines were not moved" in done.errors[REPORT]
    assert "Those that were moved stay at the target" in done.errors[REPORT]


@pytest.mark.usefixtures("fails")
def test_with_the_other_policy_all_come_back_in_reverse_order(hosts, tmp_path, monkeypatch):
    done = run(tmp_path, monkeypatch, "take back")

    assert set(places(hosts).values()) == {"a"}
    back = hosts["a"].started
    assert back[0] == FAILS
    # What began before app3 was taken back was moved, and came back after what needs it.
    assert all(back.index(name) < back.index(before) for name in back for before in TIERS[name] if before in back)
    words = told(done)
    assert len(words) == 10
    assert "'app3' does not boot here" in words[FAILS]
    assert "the wave says that all come back when one is not moved: 'app3' was not moved" in words["db1"]
    assert words["web2"] == "not begun, because it comes after 'app3', which was not moved"
    assert "10 of 10 machines were not moved" in done.errors[REPORT]


def test_where_all_are_moved_nothing_comes_back(tmp_path):
    kept = load(wave_file(tmp_path, "take back"))
    run = RunStore(tmp_path, "ten", "manual__1")
    for name in TIERS:
        run.machine(name).record("commit", "passed", {})
    assert to_take_back(kept, run)[0] == []
    dag = build_dag(kept, tmp_path / "ten.yaml")
    assert len(dag.get_task("wave--after_failure").upstream_task_ids) == 20
    assert dag.get_task("wave--take_back").upstream_task_ids == {"wave--after_failure"}
    assert "wave--take_back" in dag.get_task(REPORT).upstream_task_ids

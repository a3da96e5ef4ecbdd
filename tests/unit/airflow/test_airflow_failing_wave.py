"""Ten machines in three tiers, and one that fails: who does not begin, who comes back, and what the report says."""

import pytest
import ten_machines
from dag_runs import DagRun
from ten_machines import FAILS, TIERS, wave_file

from drover.evidence.store import RunStore
from drover.hypervisors.connection import ConnectionSpec
from drover.migration.together import to_take_back
from drover.model import PowerState
from drover.waves.loader import load
from drover_airflow import moves
from drover_airflow.wave_dag import REPORT, build_dag

RUNNING = PowerState.RUNNING


@pytest.fixture
def hosts(tmp_path, monkeypatch):
    return ten_machines.hosts(tmp_path, monkeypatch.setattr)


@pytest.fixture
def fails(hosts, monkeypatch):
    ten_machines.refuse_one(hosts["b"], monkeypatch.setattr)


def run(tmp_path, monkeypatch, policy, run_id="manual__1"):
    path = wave_file(tmp_path, policy)

    def resolver(name):
        return ConnectionSpec(name, "libvirt", name)

    monkeypatch.setattr(moves.opened.__wrapped__, "__defaults__", (resolver, ""))
    monkeypatch.setattr(moves, "resolve", resolver)
    monkeypatch.setattr("drover_airflow.taking_back.resolve", resolver)
    return DagRun(build_dag(load(path), path), run_id).run()


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


@pytest.mark.parametrize("policy", ["stay", "take back"])
def test_run_anew_the_wave_moves_those_that_were_not(hosts, tmp_path, monkeypatch, policy):
    ten_machines.refuse_one(hosts["b"], setattr)
    run(tmp_path, monkeypatch, "stay")
    moved = {name for name, host in places(hosts).items() if host == "b"}
    ten_machines.mend(hosts["b"])
    hosts["b"].started.clear()
    done = run(tmp_path, monkeypatch, policy, "manual__2")

    assert set(places(hosts).values()) == {"b"}
    for name in TIERS:
        states = {task: state for task, state in done.states.items() if task.startswith(f"{name}.")}
        assert set(states.values()) == ({"skipped"} if name in moved else {"success", "skipped"}), states
        assert states[f"{name}.rollback"] == "skipped"
    assert done.states[REPORT] == "success"
    report = done.results[REPORT]
    assert report["db1"] == {"state": "moved earlier", "run": "manual__1"}
    assert report["web2"]["state"] == "moved"
    assert set(hosts["b"].started) == TIERS.keys() - moved


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


def test_a_last_machine_that_cannot_be_moved_keeps_the_first_one_where_it_is(hosts, tmp_path, monkeypatch):
    """Its name is taken at the target; that is found before anything of the wave begins, and not hours later."""
    hosts["b"].add("web3", {"vda": b"0"})
    hosts["b"].change("web3", nics=())
    done = run(tmp_path, monkeypatch, "take back")

    assert done.states["wave--preflight"] == "failed"
    assert {state for name, state in done.states.items() if "." in name} == {"upstream_failed", "skipped"}
    assert {host.state(name) for host in hosts.values() for name in TIERS if name != "web3"} == {RUNNING, None}
    assert set(hosts["a"].calls) <= {"host", "machines"}, "it was asked, and not touched"
    words = told(done)
    assert words["db1"] == "not begun: nothing of the wave began, because 'web3' cannot be moved"
    assert words["web3"].startswith("not begun: [target.name_taken] b has a machine 'web3'")
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

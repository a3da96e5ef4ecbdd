"""Which machines the DAGs `rollback` and `sweep` take back, and which they leave alone."""

import threading
from dataclasses import replace

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from waves_for_dags import write

from drover.errors import BadInputError, CorruptionError, OperatorNeededError
from drover.evidence.store import RunStore
from drover.migration import alone, claims, intents, late, restore_test, rollback
from drover.migration.earlier import MOVED_BY
from drover.migration.intents import Intent
from drover.migration.move import open_move
from drover.model import Cpu, Firmware, PowerState, VirtualMachine
from drover_airflow import taking_back
from drover_airflow.at_work import AtWork
from drover_airflow.kept import keep
from drover_airflow.operators.take_back import TakeBackOperator
from drover_airflow.settings import store_root
from drover_airflow.taking_back import asked_for, left_behind

RUN = "manual__1"
MACHINES = """
  - {name: db, strategy: cold}
  - {name: app, strategy: cold, after: [db]}
  - {name: web, strategy: cold, after: [app]}
"""


@pytest.fixture
def wave(tmp_path):
    """A run has begun: db is committed, app is on its way, web has not begun."""
    kept = keep(str(write(tmp_path, "shop", MACHINES)), RUN, "wave_shop").wave
    for name in ("db", "app", "web"):
        with open_move(kept, name, RUN, None, store_root()) as move:
            move.remember(machine(name))
            if name == "db":
                move.store.record("commit", "passed", {})
            if name == "app":
                claims.claim(move)
                intents.declare(move.store, Intent.BEGUN)
    return kept


def machine(name):
    return VirtualMachine(
        name=name,
        uuid=f"uuid-of-{name}",
        hypervisor="libvirt",
        host="a",
        state=PowerState.RUNNING,
        cpu=Cpu(count=1),
        memory=1,
        firmware=Firmware.BIOS,
        disks=(),
        nics=(),
        autostart=True,
    )


def _of_this_run(dag, run):
    assert (dag, run) == ("wave_shop", RUN)
    return True


ended = AtWork(lambda dag, run: not _of_this_run(dag, run), lambda *_: {})
# Of its tasks nothing is known.
at_work = AtWork(_of_this_run, lambda *_: {})


def answers(**given):
    return {"wave": "shop", "run": RUN, "machines": [], "committed": False} | given


def names(found):
    assert all((each["wave"], each["run"]) == ("shop", RUN) for each in found)
    return [each["machine"] for each in found]


def store(name):
    return RunStore(store_root(), "shop", RUN).machine(name)


# By hand


def test_what_is_not_committed_goes_back_and_nothing_else(wave):
    assert names(asked_for(answers(), ended)) == ["app"]
    assert [claim.machine for claim in claims.held(store_root())] == ["app"]


def test_the_newest_run_is_the_one_that_is_meant(wave):
    assert names(asked_for(answers(run=None), ended)) == ["app"]


def test_committed_machines_go_back_when_told_in_reverse_order(wave):
    assert names(asked_for(answers(committed=True), ended)) == ["app", "db"]
    assert [claim.machine for claim in claims.held(store_root())] == ["app", "db"]
    # A retry of the task asks the same again.
    assert names(asked_for(answers(committed=True), ended)) == ["app", "db"]


def test_a_committed_machine_needs_the_tick(wave):
    with pytest.raises(BadInputError, match="'db' is committed"):
        asked_for(answers(machines=["db"]), ended)


def test_a_run_that_is_at_work_keeps_what_it_moves(wave):
    assert asked_for(answers(), at_work) == []
    with pytest.raises(BadInputError, match="'app' is being moved now"):
        asked_for(answers(machines=["app"]), at_work)
    assert names(asked_for(answers(machines=["db"], committed=True), at_work)) == ["db"]


def test_a_machine_that_was_named_and_has_nothing_to_take_back_is_told(wave):
    """Else the run is green, and whoever asked believes that the machine is back."""
    for named in (["web"], ["web", "app"]):
        with pytest.raises(
            BadInputError, match="Machine 'web' is not on its way in run .*, nor was it committed there"
        ):
            asked_for(answers(machines=named, committed=True), ended)


def test_of_a_machine_that_an_earlier_run_moved_that_run_is_told(wave):
    RunStore(store_root(), "shop", RUN).machine("web").record("inventory", "passed", {MOVED_BY: "manual__0"})
    with pytest.raises(BadInputError, match=r"It was moved in run manual__0; name that one\."):
        asked_for(answers(machines=["web"], committed=True), ended)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"wave": "other"}, "any run of the wave 'other'"),
        ({"run": "manual__2"}, "a run 'manual__2'"),
        ({"machines": ["dbb"]}, "no machine 'dbb'"),
        ({"wave": "../../etc"}, "Nothing is known"),
    ],
)
def test_what_is_not_there_is_told(wave, given, words):
    with pytest.raises(BadInputError, match=words):
        asked_for(answers(**({"run": None} if "wave" in given else {}) | given), ended)


# By itself


def test_a_machine_whose_run_ended_is_taken_back(wave):
    assert names(left_behind(ended)) == ["app"]


def test_a_run_that_is_at_work_is_left_alone(wave):
    assert left_behind(at_work) == []


def test_a_machine_that_somebody_works_at_is_left_alone(wave):
    entered, leave = threading.Event(), threading.Event()

    def work():
        with open_move(wave, "app", RUN, None, store_root()) as move, alone.alone(move):
            entered.set()
            leave.wait(20)

    worker = threading.Thread(target=work)
    worker.start()
    entered.wait(20)
    try:
        assert left_behind(ended) == []
    finally:
        leave.set()
        worker.join()
    assert names(left_behind(ended)) == ["app"]


def test_a_rollback_that_failed_is_tried_again_after_a_while(wave, monkeypatch):
    store("app").record("rollback", "failed", {"message": "The host is away."})
    assert left_behind(ended) == []
    monkeypatch.setattr(taking_back, "_AGAIN_SECONDS", 0)
    assert names(left_behind(ended)) == ["app"]


def test_a_claim_of_a_run_that_nobody_knows_is_left_alone(wave):
    for kept in (store_root() / ".waves" / "named").rglob("*.json"):
        kept.unlink()
    assert left_behind(ended) == []


def test_what_a_restore_test_left_is_found_once_its_run_has_ended(wave):
    with open_move(wave, "web", RUN, None, store_root()) as move:
        restore_test._mark(move)
    assert left_behind(at_work) == []
    assert names(left_behind(ended)) == ["app", "web"]


def test_a_machine_that_may_obey_a_late_order_to_shut_down_is_looked_after(wave):
    with open_move(wave, "web", RUN, None, store_root()) as move:
        late.mark(move)
    assert left_behind(at_work) == []
    assert names(left_behind(ended)) == ["app", "web"]


# The task


def test_the_task_takes_the_machine_back(wave, monkeypatch):
    seen = []
    monkeypatch.setattr(rollback, "run", lambda move: seen.append((move.name, move.run)) or {"source": "running"})
    task = TakeBackOperator(task_id="take_back", wave="shop", run=RUN, machine="app")
    assert task.execute({}) == {"source": "running"}
    assert seen == [("app", RUN)]


def test_what_is_back_already_is_skipped(wave):
    with pytest.raises(AirflowSkipException, match="the move is committed"):
        TakeBackOperator(task_id="take_back", wave="shop", run=RUN, machine="db").execute({})
    with pytest.raises(AirflowFailException, match="Nothing is known"):
        TakeBackOperator(task_id="take_back", wave="shop", run="other", machine="db").execute({})


def test_one_machine_whose_records_are_broken_does_not_keep_the_others(wave, monkeypatch):
    with open_move(wave, "web", RUN, None, store_root()) as move:
        claims.claim(move)
    looked = taking_back._tried_lately
    broken = CorruptionError("The records of 'app' were altered.", remedy="Look at them.")

    def altered(records):
        if records.folder == store("app").folder:
            raise broken
        return looked(records)

    monkeypatch.setattr(taking_back, "_tried_lately", altered)
    assert names(left_behind(ended)) == ["web"]

    with open_move(wave, "web", RUN, None, store_root()) as move:
        claims.release(move)
    with pytest.raises(CorruptionError, match="were altered"):
        left_behind(ended)


# After a failure


def test_one_that_cannot_go_back_does_not_keep_the_others(tmp_path, caplog):
    """Somebody moves `app` on by another run already."""
    kept = keep(str(write(tmp_path, "shop", MACHINES)), RUN, "wave_shop")
    for name in ("db", "app", "web"):
        with open_move(kept.wave, name, RUN, None, store_root()) as move:
            move.remember(machine(name))
            move.store.record("commit" if name != "web" else "validate", "passed" if name != "web" else "failed", {})
    with open_move(kept.wave, "app", "later", None, store_root()) as move:
        move.remember(machine("app"))
        claims.claim(move)
    kept = replace(kept, wave=kept.wave.model_copy(update={"on_failure": "take back"}))

    assert names(taking_back.after_failure(kept)) == ["db"]
    assert "'app' is not taken back: Machine 'app' is being moved by wave 'shop' in run later" in caplog.text

    with open_move(kept.wave, "db", RUN, None, store_root()) as move:
        claims.release(move)
    with open_move(kept.wave, "db", "later", None, store_root()) as move:
        move.remember(machine("db"))
        claims.claim(move)
    with pytest.raises(OperatorNeededError, match="in run later"):
        taking_back.after_failure(kept)

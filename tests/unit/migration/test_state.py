"""Where a machine stands follows from its records, and from nothing else."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from drover.commands.wave import app
from drover.evidence.store import MachineStore, RunStore, wave_as_read
from drover.migration import slot_queue
from drover.migration.state import State, newest, standing
from drover.waves.loader import load

PASSED = ["inventory", "preflight", "backup", "transfer", "validate", "test", "approval", "cutover", "commit"]


@pytest.fixture
def run(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "store", "shop", "manual__1")


@pytest.fixture
def wave_file(tmp_path: Path) -> Path:
    path = tmp_path / "shop.yaml"
    path.write_text(
        "wave: shop\nsource: a\ntarget: b\nbackup: {folder: /b}\n"
        "machines: [{name: db, strategy: cold, approval: {}}, {name: web, strategy: cold}]\n"
    )
    return path


def after(store: MachineStore, steps: list[str]) -> MachineStore:
    for step in steps:
        store.record(step, "passed", {})
    return store


@pytest.mark.parametrize(
    ("last", "state"),
    [
        ("inventory", State.PREPARED),
        ("backup", State.PREPARED),
        ("transfer", State.TRANSFERRED),
        ("validate", State.VALIDATED),
        ("test", State.WAITING),
        ("approval", State.APPROVED),
        ("cutover", State.CUT_OVER),
        ("commit", State.COMMITTED),
    ],
)
def test_each_step_that_passed_brings_it_on(run: RunStore, last: str, state: State) -> None:
    store = after(run.machine("db"), PASSED[: PASSED.index(last) + 1])
    assert standing(store, asks=True).state is state


def test_a_decommission_that_was_refused_is_no_failed_move(run: RunStore) -> None:
    store = run.machine("db")
    store.record("commit", "passed", {})
    store.record("decommission", "failed", {"message": "Not yet."})
    assert standing(store).state is State.COMMITTED


def test_who_is_not_asked_does_not_wait(run: RunStore) -> None:
    assert standing(run.machine("web")).state is State.NOT_BEGUN
    assert standing(after(run.machine("web"), PASSED[:6])).state is State.VALIDATED


def test_a_failure_stays_until_something_passes(run: RunStore) -> None:
    store = after(run.machine("db"), PASSED[:4])
    store.record("validate", "failed", {"message": "Disk vda differs."})
    assert (standing(store).state, standing(store).why) == (State.FAILED, "Disk vda differs.")
    store.record("rollback", "info", {"begins": True})
    assert standing(store).busy == "rollback"
    store.record("rollback", "passed", {})
    assert (standing(store).state, standing(store).busy) == (State.BROUGHT_BACK, None)


def test_the_command_tells_it_of_the_newest_run(
    run: RunStore, wave_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DROVER_STORE", str(tmp_path / "store"))
    after(run.machine("db"), PASSED[:6])
    assert newest(tmp_path / "store", load(wave_file).wave) is not None

    told = CliRunner().invoke(app, ["status", str(wave_file)])
    assert "run manual__1" in told.output
    assert "db: waiting for approval since 20" in told.output
    assert "web: not begun" in told.output

    plain = json.loads(CliRunner().invoke(app, ["status", str(wave_file), "--json"]).output)
    assert [machine["state"] for machine in plain["machines"]] == ["waiting for approval", "not begun"]


def test_a_run_that_nobody_knows_is_told(wave_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DROVER_STORE", str(tmp_path / "store"))
    told = CliRunner().invoke(app, ["status", str(wave_file), "--run", "other"])
    assert "Nothing is known of a run 'other'" in str(told.exception)


@pytest.fixture
def kept(run: RunStore, wave_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunStore:
    """A run that began, as `drover_airflow.kept` writes down what it read."""
    monkeypatch.setenv("DROVER_STORE", str(tmp_path / "store"))
    path = wave_as_read(tmp_path / "store", run.wave, run.run)
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"run": run.run, "wave": load(wave_file).model_dump(mode="json")}))
    after(run.machine("db"), PASSED[:3])
    return run


def test_what_counts_is_the_wave_as_the_run_read_it(kept: RunStore, wave_file: Path) -> None:
    """Somebody took `db` out of the file since."""
    wave_file.write_text(wave_file.read_text().replace("{name: db, strategy: cold, approval: {}}, ", ""))
    plain = json.loads(CliRunner().invoke(app, ["status", str(wave_file), "--json"]).output)
    assert [machine["machine"] for machine in plain["machines"]] == ["db", "web"]


@pytest.mark.parametrize("more", [[], ["--run", "manual__1"]])
def test_a_wave_is_found_by_its_name_also_where_it_has_no_file(
    kept: RunStore, wave_file: Path, more: list[str]
) -> None:
    """As those that `evacuate_host` and `migrate_vm` make."""
    wave_file.unlink()
    told = CliRunner().invoke(app, ["status", "shop", *more])
    assert "Wave shop, run manual__1:\n  db: prepared since 20" in told.output


def test_a_run_whose_wave_nobody_kept_wants_the_file(
    run: RunStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DROVER_STORE", str(tmp_path / "store"))
    after(run.machine("db"), PASSED[:3])
    told = CliRunner().invoke(app, ["status", "shop"])
    assert "Nobody kept the wave 'shop' as run manual__1 read it" in str(told.exception)


def test_who_waits_for_room_and_who_has_it_is_told(kept: RunStore, tmp_path: Path) -> None:
    full = "host a/a: 'mail' of wave 'other' (at most 1 at once)"
    slot_queue.stand(tmp_path / "store", ["shop", "manual__1", "db"], "transfer", ["host a/a"], [full])
    slot_queue.stand(tmp_path / "store", ["shop", "manual__2", "web"], "transfer", ["host a/a"], [full])
    told = CliRunner().invoke(app, ["status", "shop"])
    assert "waits for room for its transfer since 20" in told.output
    assert told.output.count(full) == 1
    plain = json.loads(CliRunner().invoke(app, ["status", "shop", "--json"]).output)
    assert [machine["waits"] and machine["waits"]["room"] for machine in plain["machines"]] == [[full], None]

"""A folder of wave files becomes DAGs; a wrong file tells its mistakes and hides no other."""

import pytest
from airflow.sdk.exceptions import AirflowFailException, ParamValidationError
from waves_for_dags import pair

from drover.errors import BadInputError
from drover.migration import claims
from drover.migration.move import open_move
from drover.model import Cpu, Firmware, PowerState, VirtualMachine
from drover.waves.loader import load
from drover_airflow.discovery import connections
from drover_airflow.kept import keep
from drover_airflow.settings import store_root
from drover_airflow.wave_files import dags_of


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("DROVER_WAVES", str(tmp_path))
    return tmp_path


def found(folder):
    return {dag.dag_id: dag for dag in dags_of(folder)}


def test_a_wrong_file_hides_no_other(folder):
    pair(folder)
    (folder / "broken.yaml").write_text("wave: broken\nmachines: 3\nsorce: a\n")
    assert set(found(folder)) == {"wave_pair", "wave_broken"}


def test_a_wrong_file_tells_every_mistake_with_its_line(folder):
    (folder / "broken.yaml").write_text("wave: broken\nmachines: 3\nsorce: a\n")
    text = found(folder)["wave_broken"].doc_md
    assert "line 3" in text
    assert "line 2" in text
    assert "broken.yaml" in text


def test_a_wrong_file_cannot_be_triggered_and_would_fail(folder):
    (folder / "broken.yaml").write_text("")
    dag = found(folder)["wave_broken"]
    with pytest.raises(ParamValidationError):
        dag.params.validate()
    with pytest.raises(ParamValidationError):
        dag.params["mistakes"] = "whatever"
    with pytest.raises(AirflowFailException, match=r"broken\.yaml"):
        dag.get_task("mistakes").execute({})


def test_one_wave_in_two_files_is_told(folder):
    pair(folder)
    (folder / "second.yaml").write_text((folder / "pair.yaml").read_text())
    dags = found(folder)
    assert set(dags) == {"wave_pair", "wave_second"}
    assert "already in" in dags["wave_second"].doc_md


def test_a_wrong_file_never_takes_the_place_of_a_good_one(folder):
    pair(folder, "other")
    (folder / "other.yaml").rename(folder / "a.yaml")
    (folder / "other.yml").write_text("nonsense")
    assert set(found(folder)) == {"wave_other", "wave_other.wrong"}


def test_without_a_variable_the_folder_is_beside_the_dags(tmp_path, monkeypatch):
    monkeypatch.delenv("DROVER_WAVES", raising=False)
    (tmp_path / "include" / "waves" / "examples").mkdir(parents=True)
    pair(tmp_path / "include" / "waves")
    pair(tmp_path / "include" / "waves" / "examples", "example")
    assert set(found(tmp_path / "dags")) == {"wave_pair"}


def test_wrong_settings_are_told_and_hide_no_wave(folder, monkeypatch):
    pair(folder)
    monkeypatch.setenv("DROVER_WAVES", f"{folder}:{folder / 'mistyped'}")
    monkeypatch.setenv("DROVER_QUEUES", "lab_kvm_a=site-a,lab_kvm_b:site-b,")
    dags = found(folder)
    assert set(dags) == {"wave_pair", "wave_DROVER_WAVES", "wave_DROVER_QUEUES"}
    assert f"There is no folder {folder / 'mistyped'}" in dags["wave_DROVER_WAVES"].doc_md
    assert "'lab_kvm_b:site-b' in DROVER_QUEUES is no pair" in dags["wave_DROVER_QUEUES"].doc_md
    assert dags["wave_pair"].get_task("db.backup").queue == "site-a"


@pytest.mark.parametrize("value", ["a=", "=site-a", "a=b=c", "a"])
def test_a_queue_without_its_connection_is_told(folder, monkeypatch, value):
    monkeypatch.setenv("DROVER_QUEUES", value)
    assert set(found(folder)) == {"wave_DROVER_QUEUES"}


def test_a_queue_of_a_connection_that_there_is_not_is_told_by_discover(folder, monkeypatch):
    monkeypatch.setenv("DROVER_QUEUES", "kvm_odl=site-a")
    with pytest.raises(BadInputError, match="DROVER_QUEUES gives 'kvm_odl' a queue. There is no Airflow connection"):
        connections(folder, [])
    monkeypatch.setenv("AIRFLOW_CONN_KVM_ODL", '{"conn_type": "libvirt", "host": "kvm1"}')
    assert "kvm_odl" in connections(folder, [])


# While a run goes on


def begun(path, run="run-1", machine="db", dag=None):
    """A run of this wave reads its file and begins to move a machine."""
    wave = keep(str(path), run, dag or f"wave_{load(path).wave}").wave
    with open_move(wave, machine, run, None, store_root()) as move:
        move.remember(machine_named(machine))
        claims.claim(move)
    return path


def machine_named(name):
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


@pytest.mark.parametrize(
    "harm", [lambda path: path.write_text("wave: pair\nmachines: 3\n"), lambda path: path.unlink()]
)
def test_a_run_keeps_its_tasks_though_its_file_went_wrong_or_away(folder, harm):
    harm(begun(pair(folder)))

    dag = found(folder)["wave_pair"]

    assert {"db.rollback", "web.rollback", "wave--report"} <= set(dag.task_ids)
    assert dag.get_task("db.rollback").wave == str(folder / "pair.yaml")
    assert "pair.yaml" in dag.doc_md
    assert "run-1" in dag.doc_md
    assert len(found(folder)) == 1


def test_it_is_never_scheduled_meanwhile(folder):
    path = pair(folder)
    path.write_text(path.read_text().replace("source:", "schedule: '@daily'\nsource:", 1))
    begun(path).unlink()
    assert found(folder)["wave_pair"].schedule is None


def test_once_the_run_has_ended_the_mistakes_stand_alone(folder):
    path = begun(pair(folder))
    path.write_text("wave: pair\nmachines: 3\n")
    for claim in (store_root() / claims.FOLDER).glob("*.json"):
        claim.unlink()
    assert set(found(folder)["wave_pair"].task_ids) == {"mistakes"}


def test_a_file_that_is_right_counts_though_a_run_goes_on(folder):
    path = begun(pair(folder))
    path.write_text(path.read_text().replace("name: web", "name: shop"))
    assert "shop.rollback" in found(folder)["wave_pair"].task_ids


def test_a_machine_moved_by_hand_is_no_wave_file_that_went_away(folder):
    begun(pair(folder), dag="migrate_vm").unlink()
    assert found(folder) == {}


def test_a_renamed_file_is_the_same_wave_to_its_run(folder):
    path = begun(pair(folder))
    renamed = path.rename(folder / "other.yaml")
    renamed.write_text(renamed.read_text().replace("target: lab_kvm_b", "target: elsewhere"))
    assert keep(str(renamed), "run-1", "wave_pair").wave.target == "lab_kvm_b"
    assert keep(str(renamed), "run-2", "wave_pair").wave.target == "elsewhere"

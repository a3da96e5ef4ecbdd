"""A folder of wave files becomes DAGs; a wrong file tells its mistakes and hides no other."""

import pytest
from airflow.sdk.exceptions import AirflowFailException, ParamValidationError
from waves_for_dags import pair

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

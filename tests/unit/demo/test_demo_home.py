"""The demo's Airflow: its secrets are the owner's alone, it listens on loopback, and it takes nothing from outside."""

import sqlite3
import stat

import pytest

from drover_lab import slots
from drover_lab.demo import home as homes
from drover_lab.demo import wave
from drover_lab.demo.home import Home, free_port
from drover_lab.lab import Lab
from drover_lab.state import LabState
from drover_lab.topology import Topology


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setattr(homes, "PROJECT", tmp_path)
    made = Home("test")
    made.prepare()
    return made


def test_secrets_are_made_once_and_only_the_owner_reads_them(home):
    for path in (home.passwords, home.folder / "keys.json"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Home("test").keys == home.keys
    assert Home("other").keys["password"] != home.keys["password"]


def test_it_is_bound_to_loopback(home):
    environment = home.environment(8123)
    assert environment["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert environment["AIRFLOW__API__BASE_URL"] == "http://127.0.0.1:8123"


def test_nothing_of_another_airflow_reaches_it(home, monkeypatch):
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "postgresql://other")
    monkeypatch.setenv("AIRFLOW_CONN_OTHER", "{}")
    environment = home.environment(8123)
    assert environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].startswith(f"sqlite:///{home.folder}")
    assert "AIRFLOW_CONN_OTHER" not in environment


def test_its_scheduler_loads_for_all_tasks_what_takes_long(home):
    """Airflow imports this file in each of its components; what it loads where is tested beside it."""
    assert (home.folder / "config/airflow_local_settings.py").read_text() == "import drover_airflow.preload\n"


@pytest.mark.parametrize(("state", "kept"), [("running", False), ("queued", False), ("success", True)])
def test_an_unfinished_run_is_never_gone_on_with(home, state, kept):
    database = home.folder / "airflow.db"
    with sqlite3.connect(database) as connection:
        connection.execute("create table dag_run (state text)")
        connection.execute("insert into dag_run values (?)", (state,))
    connection.close()
    home.forget_unfinished()
    assert database.exists() is kept


def test_a_database_that_cannot_be_read_is_left_behind(home):
    (home.folder / "airflow.db").write_bytes(b"nonsense" * 100)
    home.forget_unfinished()
    assert not (home.folder / "airflow.db").exists()


def test_two_demos_that_start_at_once_have_a_port_each():
    with free_port() as first, free_port() as second:
        assert 8080 <= first < second < 8280
    with free_port() as again:
        assert again == first, "it is given back"


def test_the_claim_of_a_killed_demo_is_forgotten(home):
    claim = home.store / ".claims" / "some-machine.json"
    claim.parent.mkdir(parents=True)
    claim.write_text("{}")
    home.forget_unfinished()
    assert not claim.exists()


def test_the_demo_takes_its_wave_from_where_it_lies(home):
    lab = Lab(Topology(LabState("test", 3, "800mbit", ())))
    placed = wave.place(home, lab)
    assert (placed.wave, placed.backup.folder) == ("demo", str(home.backups))
    assert [path.name for path in home.waves.iterdir()] == ["demo.yaml"]
    # Only its lab's addresses: another lab beside it has machines of the same names.
    assert str(slots.production(3)).rpartition(".")[0] in (home.waves / "demo.yaml").read_text()

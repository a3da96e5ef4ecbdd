"""`./drover plan` and `./drover wave` as a person runs them, on hosts of ours: what they print, and how they end."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from fleet import TEXT, machine, resolve, two_sites

from drover import cli
from drover.hypervisors import connection, registry


@pytest.fixture
def sites() -> dict[str, Any]:
    return two_sites()


@pytest.fixture
def wave_file(tmp_path: Path) -> Path:
    path = tmp_path / "demo.yaml"
    path.write_text(TEXT)
    return path


@pytest.fixture
def drover(sites, monkeypatch, capsys, tmp_path):
    """The command as a person runs it, on hosts of ours."""
    monkeypatch.setenv("DROVER_STORE", str(tmp_path / "store"))
    monkeypatch.setattr(connection, "resolve", resolve)
    monkeypatch.setattr(registry, "connect", lambda spec: sites[spec.id])

    def run(*arguments: str) -> tuple[int, str, str]:
        code = cli.main(list(arguments))
        out, err = capsys.readouterr()
        return code, out, err

    return run


def test_a_good_wave_ends_with_0_and_says_so(drover, wave_file):
    code, out, _ = drover("plan", str(wave_file))
    assert code == 0
    assert "Nothing blocks this wave." in out
    assert "Estimate" in out


def test_json_has_the_promised_shape(drover, wave_file):
    code, out, _ = drover("plan", str(wave_file), "--json")
    value = json.loads(out)
    assert code == 0
    assert value["estimate_seconds"] > 0
    assert value["estimate_complete"] is True
    assert value["order"] == [["db"], ["web"]]
    web = value["machines"][0]
    assert (web["name"], web["strategy"]) == ("web", "live")
    (concern,) = web["concerns"]
    assert set(concern) == {"id", "category", "label", "assessment"}
    assert concern["category"] == "Information"


WINDOW = 'window: {opens: "22:00", closes: "%s", timezone: Europe/Berlin}\n'


def test_a_wave_that_does_not_fit_into_its_window_is_refused_with_what_would(drover, wave_file):
    wave_file.write_text(TEXT + WINDOW % "22:02")
    code, out, _ = drover("plan", str(wave_file), "--json")
    value = json.loads(out)
    assert code == 1
    assert value["window"]["fits"] == ["db"]
    assert value["window"]["late"] == ["web"]
    assert value["window"]["left_seconds"] == 120 < value["window"]["needed_seconds"]
    found = [c["id"] for machine in value["machines"] for c in machine["concerns"] if c["category"] == "Critical"]
    assert found == ["window.too_short"] * 2
    wave_file.write_text(TEXT + WINDOW % "05:00")
    code, out, _ = drover("plan", str(wave_file))
    assert code == 0
    assert "leaves 7 h 00 min" in " ".join(out.split())
    assert "before it opens" in " ".join(out.split())


def test_the_timeline_is_drawn_and_shown(drover, wave_file, tmp_path):
    code, out, _ = drover("plan", str(wave_file), "--timeline", str(tmp_path / "plan.svg"))
    assert code == 0
    (db,) = [line for line in out.splitlines() if line.startswith("db ")]
    (web,) = [line for line in out.splitlines() if line.startswith("web ")]
    assert re.fullmatch(r"db   \.?i*p*b+T+v+t+c+m* *", db)
    assert re.fullmatch(r"web  \.{20,}i*p*b+T+v+t*c+m*", web)
    assert "web: transfer" in (tmp_path / "plan.svg").read_text()
    code, _, err = drover("plan", str(wave_file), "--timeline", str(tmp_path / "no" / "plan.svg"))
    assert code == 2
    assert "cannot be written" in err


def test_a_critical_concern_ends_with_1(drover, wave_file, sites):
    sites["a"]._machines.pop()
    code, out, _ = drover("plan", str(wave_file), "--json")
    value = json.loads(out)
    assert code == 1
    assert value["critical"] == 1
    assert value["estimate_complete"] is False
    assert value["machines"][1]["estimate_seconds"] is None
    code, out, _ = drover("plan", str(wave_file))
    assert code == 1
    assert "machine.unknown" in out
    assert "Not in the estimate" in out


def test_a_wrong_file_ends_with_2_and_all_its_mistakes(drover, tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("wave: X\nmachines: []\n")
    code, out, err = drover("plan", str(path), "--json")
    assert (code, out) == (2, "")
    assert "line 1, column 1, wave" in err
    assert "Traceback" not in err
    assert len(err.splitlines()) >= 5
    assert drover("plan", str(tmp_path / "none.yaml"))[0] == 2


def test_a_connection_that_there_is_not_ends_with_2(wave_file, capsys, monkeypatch):
    monkeypatch.delenv("AIRFLOW_CONN_A", raising=False)
    assert cli.main(["plan", str(wave_file)]) == 2
    assert "There is no connection 'a'." in capsys.readouterr().err


def test_a_machine_with_markup_in_its_name_is_shown_as_it_is(drover, wave_file, sites):
    wave_file.write_text(TEXT.replace("db", "'[red]db'"))
    sites["a"]._machines[1:] = [machine("[red]db", 2, snapshots=("[bold]s[/bold]",))]
    code, out, _ = drover("plan", str(wave_file))
    assert code == 0
    joined = "".join(out.split())
    assert "[red]" in joined
    assert "[/bold]" in joined.replace("│", "")


def test_check_tells_every_file(drover, wave_file, tmp_path):
    bad = tmp_path / "bad.yaml"
    bad.write_text("wave: X\n")
    code, out, err = drover("wave", "check", str(wave_file), str(bad))
    assert code == 2
    assert "nothing wrong" in out
    assert "bad.yaml has 5 mistakes" in err
    code, out, _ = drover("wave", "check", "--json", str(wave_file), str(bad))
    files = json.loads(out)["files"]
    assert (code, [each["good"] for each in files]) == (2, [True, False])
    assert {"line", "column", "place", "problem", "expected"} == set(files[1]["mistakes"][0])
    assert drover("wave", "check", str(wave_file))[0] == 0


def test_schema_is_written(drover, tmp_path):
    code, out, _ = drover("wave", "schema")
    assert code == 0
    assert json.loads(out)["title"] == "Drover wave"
    path = tmp_path / "schema.json"
    assert drover("wave", "schema", "--output", str(path))[0] == 0
    assert path.read_text() == out
    assert drover("wave", "schema", "--output", str(tmp_path / "no" / "such"))[0] == 2

import json
import re
from pathlib import Path
from typing import Any

import pytest
from fleet import Site, machine, resolve

from drover import cli
from drover.concerns.gather import gather, look_at_folder
from drover.errors import BadInputError
from drover.hypervisors import connection, registry
from drover.model import Category, PowerState
from drover.waves import estimate
from drover.waves.loader import parse
from drover.waves.plan import plan
from drover.waves.proofs import proofs

TEXT = """\
wave: demo
source: a
target: b
mappings:
  networks: {production: production}
  storage: {default: default}
  test_network: isolated
backup: {folder: /tmp}
machines:
  - name: web
    strategy: live
    after: [db]
    checks:
      - tcp: {address: 192.0.2.1, port: 80}
  - name: db
    strategy: cold
    checks:
      - tcp: {address: 192.0.2.2, port: 80}
"""


@pytest.fixture
def sites() -> dict[str, Any]:
    return {"a": Site("kvm-a", [machine("web", 1), machine("db", 2)]), "b": Site("kvm-b", [])}


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


def test_a_plan_has_concerns_order_and_estimate_and_asks_each_host_once(sites):
    report = plan(parse(TEXT), sites.__getitem__, resolve)
    assert report.order == (("db",), ("web",))
    assert [planned.plan.name for planned in report.machines] == ["web", "db"]
    assert [c.id for planned in report.machines for c in planned.concerns] == ["strategy.live_unproven"]
    assert report.critical == 0
    first = estimate.first(report.wave, {})
    assert report.spans[0].begins == first > 0, "the wave's own first task comes before its machines"
    assert report.seconds == pytest.approx(first + sum(planned.estimate.seconds for planned in report.machines))
    assert [span.machine for span in report.spans] == ["db"] * 8 + ["web"] * 8
    assert [(site.asked, site.closed) for site in sites.values()] == [(1, 1), (1, 1)]


def test_hosts_are_closed_though_one_of_them_fails(sites):
    def open_one(conn_id: str) -> Any:
        if conn_id == "b":
            raise BadInputError("No.", remedy="")
        return sites[conn_id]

    with pytest.raises(BadInputError):
        plan(parse(TEXT), open_one, resolve)
    assert sites["a"].closed == 1


def test_a_machine_with_hosts_of_its_own_is_looked_for_there(sites):
    sites["c"] = Site("kvm-c", [machine("db", 3, state=PowerState.PAUSED)])
    report = plan(parse(TEXT.replace("name: db\n", "name: db\n    source: c\n")), sites.__getitem__, resolve)
    assert report.machines[1].source == "kvm-c"
    assert report.machines[1].concerns[0].id == "machine.power_state"


def test_the_backups_of_all_machines_count_wherever_they_go(sites):
    sites["c"] = Site("kvm-c", [])
    wave = parse(TEXT.replace("name: db\n", "name: db\n    target: c\n"))
    seen = gather(wave, wave.machine("web"), sites["a"], sites["b"], resolve)
    assert [each.name for _, each in seen.companions] == ["web"], "the target's room is for those that go there"
    assert [each.name for _, each in seen.elsewhere] == ["db"]


def test_gather_sees_what_the_plan_sees(sites):
    wave = parse(TEXT)
    seen = gather(wave, wave.machine("web"), sites["a"], sites["b"], resolve)
    assert seen.source is not None
    assert seen.source.name == "web"
    assert [each.name for _, each in seen.companions] == ["web", "db"]
    assert (seen.source_host.name, seen.target_host.name) == ("kvm-a", "kvm-b")
    assert set(seen.connections) == {"a", "b"}


def test_a_connection_that_a_check_needs_and_nobody_has_blocks(sites):
    def partly(conn_id: str) -> Any:
        if conn_id == "ssh_web":
            raise BadInputError("There is none.", remedy="")
        return resolve(conn_id)

    text = TEXT.replace("- tcp: {address: 192.0.2.1, port: 80}", "- command: {connection: ssh_web, run: ['true']}")
    report = plan(parse(text), sites.__getitem__, partly)
    assert [c.id for c in report.machines[0].concerns if c.category is Category.CRITICAL] == ["connection.missing"]


def test_a_folder_is_seen_before_it_is_made(tmp_path):
    seen = look_at_folder(str(tmp_path / "not" / "yet"))
    assert seen.writable
    assert seen.free
    assert not (tmp_path / "not").exists()
    file = tmp_path / "file"
    file.touch()
    assert not look_at_folder(str(file / "below")).writable


def test_an_object_store_that_cannot_be_used_is_told_before_the_night(sites, monkeypatch):
    asked = []

    def refuse(url: str) -> Any:
        asked.append(url)
        raise BadInputError("There is no Airflow connection 'c'.", remedy="Create it.")

    monkeypatch.setattr("drover.concerns.gather.open_objects", refuse)
    text = TEXT.replace("folder: /tmp", "repository: s3://c@bucket/x")
    assert text != TEXT
    report = plan(parse(text), sites.__getitem__, resolve)
    for planned in report.machines:
        (found,) = [one for one in planned.concerns if one.id == "backup.folder"]
        assert "s3://c@bucket/x cannot be used: There is no Airflow connection 'c'. Create it." in found.assessment
    assert asked == ["s3://c@bucket/x"], "once for the whole plan"


def test_what_is_proven_depends_on_the_strategy():
    wave = parse(TEXT)
    live, cold = proofs(wave.machine("web")), proofs(wave.machine("db"))
    assert any("every block" in each for each in cold.proves)
    assert not cold.cannot_prove
    assert any("every block" in each for each in live.cannot_prove)
    compared = proofs(wave.machine("web").model_copy(update={"compare_at_switchover": True, "checks": ()}))
    assert any("every block" in each for each in compared.proves)
    assert compared.cannot_prove == ("that its application answers",)


def test_of_a_machine_that_its_platform_takes_along_the_backup_alone_stays_behind(sites):
    """Whatever the wave asks for: its disks cannot be compared with anything but the backup."""
    web = parse(TEXT).machine("web")
    for asked in (web, web.model_copy(update={"compare_at_switchover": True})):
        told = proofs(asked, along=True)
        assert told.proves == (
            "a verified backup of every disk",
            "the machine's settings",
            "the files that nothing should have changed, compared with the backup, which alone stays behind",
            "that its application answers",
        )
        assert told.cannot_prove == (
            "every block: the guest writes while it moves",
            "what was written since the backup: the source keeps nothing of the machine",
        )
    # A cold move of such a platform leaves the source where it is.
    assert proofs(parse(TEXT).machine("db"), along=True) == proofs(parse(TEXT).machine("db"))
    sites["a"].takes_along = True
    found = plan(parse(TEXT), sites.__getitem__, resolve).machines[0]
    assert found.proofs == proofs(web, along=True)


# The command


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

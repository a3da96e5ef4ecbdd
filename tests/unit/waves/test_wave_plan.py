import json
from pathlib import Path
from typing import Any

import pytest
from fleet import GIB, Site, machine, resolve

from drover import cli
from drover.concerns.gather import gather, look_at_folder
from drover.errors import BadInputError
from drover.hypervisors import connection, registry
from drover.model import Category, PowerState, Strategy
from drover.waves.estimate import COPY_RATE, FIXED, READ_RATE, estimate_machine, estimate_wave
from drover.waves.loader import parse
from drover.waves.plan import plan
from drover.waves.proofs import proofs
from drover.waves.schema import Wave

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
def drover(sites, monkeypatch, capsys):
    """The command as a person runs it, on hosts of ours."""
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
    assert report.seconds == sum(planned.estimate.seconds for planned in report.machines)
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


# Estimates


def with_bandwidth(text: str) -> Wave:
    return parse(TEXT.replace("source: a\n", f"source: a\nbandwidth: {text}\n"))


def test_an_estimate_follows_the_bytes_and_the_limit():
    wave, vm = parse(TEXT), machine("db", 2)
    cold = wave.machine("db")
    free = estimate_machine(wave, cold, vm)
    assert free.data == GIB
    assert free.seconds == pytest.approx(2 * GIB / COPY_RATE + 2 * GIB / READ_RATE + FIXED[Strategy.COLD])
    limited = estimate_machine(with_bandwidth("10 MiB/s"), cold, vm)
    # Backup, transfer and read-back pass the limited link; the backup's own read-back does not.
    assert limited.seconds == pytest.approx(3 * 102.4 + GIB / READ_RATE + FIXED[Strategy.COLD])
    assert "bandwidth limit" in limited.basis
    assert "bandwidth limit" not in estimate_machine(with_bandwidth("100 GB/s"), cold, vm).basis


def test_a_comparison_at_the_switch_over_takes_longer():
    wave = parse(TEXT)
    live = wave.machine("web")
    compared = live.model_copy(update={"compare_at_switchover": True})
    vm = machine("web", 1)
    assert estimate_machine(wave, compared, vm).seconds > estimate_machine(wave, live, vm).seconds


def test_machines_of_one_tier_share_the_link_and_overlap_only_in_their_fixed_times():
    cold = FIXED[Strategy.COLD]
    machines = {"a": (cold + 10, Strategy.COLD), "b": (cold + 20, Strategy.COLD)}
    assert estimate_wave([["a"], ["b"]], machines) == 2 * cold + 30
    assert estimate_wave([["a", "b"]], machines) == cold + 30
    assert estimate_wave([["a", "unknown"]], machines) == cold + 10
    assert estimate_wave([], {}) == 0


def test_what_is_proven_depends_on_the_strategy():
    wave = parse(TEXT)
    live, cold = proofs(wave.machine("web")), proofs(wave.machine("db"))
    assert any("every block" in each for each in cold.proves)
    assert not cold.cannot_prove
    assert any("every block" in each for each in live.cannot_prove)
    compared = proofs(wave.machine("web").model_copy(update={"compare_at_switchover": True, "checks": ()}))
    assert any("every block" in each for each in compared.proves)
    assert compared.cannot_prove == ("that its application answers",)


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

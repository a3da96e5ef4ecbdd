from typing import Any

import pytest
from fleet import TEXT, Site, machine, resolve, two_sites

from drover.concerns.gather import gather, look_at_folder
from drover.errors import BadInputError
from drover.model import Category, PowerState
from drover.waves import estimate
from drover.waves.loader import parse
from drover.waves.plan import plan
from drover.waves.proofs import proofs


@pytest.fixture
def sites() -> dict[str, Any]:
    return two_sites()


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

from mistaken import HEAD, MACHINE, mistakes, only

from drover.waves.loader import parse


def test_what_only_a_live_move_knows():
    found = mistakes(
        HEAD + "  - {name: web, strategy: cold, compare_at_switchover: true, guest_files: {changing: [/a]}}\n"
    )
    assert [each.place for each in found] == [
        "machines[0].compare_at_switchover",
        "machines[0].guest_files.changing",
    ]
    assert parse(HEAD + "  - {name: web, strategy: cold, compare_at_switchover: false}\n")


def test_a_circle_is_told_as_a_path_and_once():
    lines = [
        "a, after: [c]",
        "b, after: [a, x]",
        "c, after: [b]",
        "x",
        "d, after: [c]",
        "e, after: [f]",
        "f, after: [e]",
    ]
    found = mistakes(HEAD + "".join(f"  - {{strategy: cold, name: {line}}}\n" for line in lines))
    assert [each.problem for each in found] == [
        "the order is a circle: a -> c -> b -> a",
        "the order is a circle: e -> f -> e",
    ]
    assert [(each.line, each.place) for each in found] == [(6, "machines[0].after[0]"), (11, "machines[5].after[0]")]


def test_backups_go_to_exactly_one_place():
    found = only(HEAD.replace("{folder: /backups}", "{keep: 30 days}") + MACHINE)
    assert (found.place, found.problem) == ("backup.folder", "'folder' is missing")
    found = only(HEAD.replace("/backups}", "/backups, repository: 's3://c@bucket/x'}") + MACHINE)
    assert found.place == "backup.repository"
    wave = parse(HEAD.replace("folder: /backups", "repository: 's3://c@bucket/x', keep: 1 day") + MACHINE)
    assert (wave.backup.place, wave.backup.keep) == ("s3://c@bucket/x", 86400)
    assert parse(wave.model_dump_json()) == wave


def test_a_repository_is_an_address_without_a_login():
    for address in ("bucket/x", "/backups", "s3:", "s3://key:word@bucket/x", "s3://bucket/x?a=b"):
        found = only(HEAD.replace("folder: /backups", f"repository: '{address}'") + MACHINE)
        assert found.place == "backup.repository"
        assert "word" not in f"{found.problem} {found.expected}"


def test_a_backup_is_booted_where_there_is_a_test_network():
    head = HEAD.replace("/backups}", "/backups, restore_test: all}")
    assert only(head + MACHINE).place == "backup.restore_test"
    assert parse(head.replace("machines:", "mappings: {test_network: isolated}\nmachines:") + MACHINE)
    assert parse(head + MACHINE.replace("cold}", "cold, mappings: {test_network: isolated}}"))


def test_the_same_connection_at_both_ends():
    found = only(HEAD.replace("target: b", "target: a") + MACHINE)
    assert (found.line, found.place) == (3, "target")


def test_a_thousand_machines_in_a_row_load_and_a_thousand_in_a_circle_are_told():
    lines = [f"  - {{name: m{n}, strategy: cold, after: [m{n - 1}]}}\n" for n in range(1, 1000)]
    assert len(parse(HEAD + "  - {name: m0, strategy: cold}\n" + "".join(lines)).machines) == 1000
    found = only(HEAD + "  - {name: m0, strategy: cold, after: [m999]}\n" + "".join(lines))
    assert found.problem.count("->") == 1000


LIVE = "  - {name: web, strategy: live, mappings: {host: esx-2}}\n"


def test_one_connection_may_be_both_ends_of_a_live_move_to_another_host():
    one = HEAD.replace("target: b", "target: a")
    wave = parse(one + LIVE)
    assert wave.mappings_of(wave.machines[0]).host == "esx-2"
    assert "same connection" in only(one + LIVE.replace("live", "cold")).problem
    assert "same connection" in only(one + LIVE.replace(", mappings: {host: esx-2}", "")).problem


def test_the_host_of_the_wave_is_for_machines_that_name_none():
    wave = parse(HEAD + LIVE + "  - {name: db, strategy: cold}\nmappings: {host: esx-1}\n")
    assert [wave.mappings_of(machine).host for machine in wave.machines] == ["esx-2", "esx-1"]
    assert parse(HEAD + MACHINE).mappings.host is None
    assert only(HEAD + MACHINE + "mappings: {host: 7}\n").place == "mappings.host"


def test_a_machines_mappings_are_laid_over_the_waves():
    own = "  - {name: web, strategy: cold, mappings: {storage: {ds1: nvme}, test_network: lonely}}\n"
    wave = parse(HEAD + own + "mappings: {networks: {lan: lan2}, storage: {ds1: slow, ds2: slow}, test_network: lab}\n")
    places = wave.mappings_of(wave.machines[0])
    assert places.networks == {"lan": "lan2"}
    assert places.storage == {"ds1": "nvme", "ds2": "slow"}
    assert places.test_network == "lonely"

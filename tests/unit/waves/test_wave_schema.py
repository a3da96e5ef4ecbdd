import pytest
from mistaken import HEAD, MACHINE, machine, only

from drover.waves.loader import parse


def test_an_unknown_key_has_a_suggestion():
    assert only(machine("chekcs: []")).expected == "did you mean 'checks'?"
    assert "strategy" in only(machine("zzz: 1")).expected
    assert only(HEAD + MACHINE + "mappings: {network: {}}\n").expected == "did you mean 'networks'?"


@pytest.mark.parametrize(
    ("lines", "line", "place", "word"),
    [
        ("shutdown_deadline: 60", 8, "shutdown_deadline", "no unit"),
        ("shutdown_deadline: 60 sec", 8, "shutdown_deadline", "'sec' is not a unit"),
        ("compare_at_switchover: yes", 8, "compare_at_switchover", "does not fit"),
        ("checks:", 8, "checks", "no value"),
        ("checks: [{}]", 8, "checks[0]", "no check"),
        ("checks: [{ping: {}}]", 8, "checks[0]", "no check"),
        ("checks: [x]", 8, "checks[0]", "no check"),
        ("checks:\n  - http: {}", 9, "checks[0].http.url", "missing"),
        ("checks:\n  - http: {url: ftp://x}", 9, "checks[0].http.url", "web address"),
        ("checks:\n  - http: {url: 'http://[x'}", 9, "checks[0].http.url", "web address"),
        ("checks:\n  - http: {url: 'http://x', status: 99}", 9, "checks[0].http.status", "does not fit"),
        ("checks:\n  - tcp: {address: x, port: 0}", 9, "checks[0].tcp.port", "does not fit"),
        ("checks:\n  - tcp: {address: x, port: '80'}", 9, "checks[0].tcp.port", "does not fit"),
        ("checks:\n  - command: {connection: x, run: ls -l}", 9, "checks[0].command.run", "does not fit"),
        ("checks:\n  - command: {connection: x, run: []}", 9, "checks[0].command.run", "empty"),
        ("checks:\n  - http: {url: 'http://x'}\n    tcp: {address: x, port: 1}", 10, "checks[0].tcp", "one kind"),
        ("guest_files: {changing: [var/log]}", 8, "guest_files.changing[0]", "not absolute"),
        ("source: a b", 8, "source", "does not fit"),
        ("target: a", 8, "target", "same connection"),
        ("after: [web]", 8, "after[0]", "after itself"),
        ("after: [wbe]", 8, "after[0]", "no machine"),
        ("after: web", 8, "after", "does not fit"),
        ("waive: [{id: host.memory, reason: short}]", 8, "waive[0].reason", "does not fit"),
        ("waive: [{id: host.memry, reason: because it is so}]", 8, "waive[0].id", "no concern"),
        ("waive: [{id: target.name_taken, reason: because it is so}]", 8, "waive[0].id", "cannot be waived"),
    ],
)
def test_what_is_wrong_with_a_machine(lines, line, place, word):
    found = only(machine(lines))
    assert (found.line, found.place) == (line, f"machines[0].{place}")
    assert word in found.problem


def test_a_login_in_an_address_is_refused_and_not_repeated():
    found = only(machine("checks:\n  - http: {url: 'http://me:hunter2@x/'}"))
    assert "secrets" in found.problem
    assert "hunter2" not in str(found)


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ('""', "empty"),
        ('"a/b"', "slash"),
        ('"a\\nb"', "line break"),
        ('"a\\u0007"', "U+0007"),
        ("007", "quotes"),
        ("true", "quotes"),
        ("[a]", "fit"),
    ],
)
def test_names_that_no_machine_has(name, word):
    found = only(HEAD + f"  - name: {name}\n    strategy: cold\n")
    assert found.place == "machines[0].name"
    assert word in str(found)


@pytest.mark.parametrize("name", ["it's", 'say "hi"', "Köln 2", "日本"])
def test_names_that_a_machine_may_have(name):
    quoted = "'" + name.replace("'", "''") + "'"
    assert parse(HEAD + f"  - name: {quoted}\n    strategy: cold\n").machines[0].name == name


def test_words_that_old_yaml_takes_for_something_else_stay_words():
    wave = parse(HEAD + "  - {name: on, strategy: cold}\n  - {name: 10:30, strategy: cold, after: [on]}\n")
    assert [each.name for each in wave.machines] == ["on", "10:30"]
    mapped = parse(HEAD + MACHINE + "mappings: {networks: {100: vlan100, yes: no}}\n")
    assert mapped.mappings.networks == {"100": "vlan100", "yes": "no"}


def test_no_machines():
    found = only(HEAD.replace("machines:\n", "machines: []\n"))
    assert (found.problem, found.expected) == ("'machines' is empty", "At least one machine")
    assert only(HEAD).problem == "'machines' has no value"


def test_a_strategy_that_is_missing_is_told_with_those_there_are():
    found = only(HEAD + "  - {name: web}\n")
    assert (found.problem, found.expected) == ("'strategy' is missing", "'cold' or 'live'")


def test_warm_is_refused_plainly():
    found = only(HEAD + "  - {name: web, strategy: warm}\n")
    assert "not there yet" in found.problem
    assert found.expected == "'cold' or 'live'"

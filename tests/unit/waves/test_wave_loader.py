import pickle
import subprocess
import sys
import time
from pathlib import Path

import pytest

from drover.errors import BadInputError
from drover.waves.loader import load, parse
from drover.waves.mistakes import Mistake, WaveFileError

WAVES = Path(__file__).parents[3] / "include" / "waves"
HEAD = """\
wave: demo
source: a
target: b
backup: {folder: /backups}
machines:
"""
MACHINE = "  - {name: web, strategy: cold}\n"


def mistakes(text: str) -> list[Mistake]:
    with pytest.raises(WaveFileError) as caught:
        parse(text)
    assert caught.value.mistakes
    return list(caught.value.mistakes)


def only(text: str) -> Mistake:
    found = mistakes(text)
    assert len(found) == 1, [str(each) for each in found]
    return found[0]


def machine(lines: str) -> str:
    """A wave with one machine, whose further keys begin in line 8."""
    return HEAD + "  - name: web\n    strategy: live\n" + "".join(f"    {line}\n" for line in lines.splitlines())


@pytest.mark.parametrize(
    "path", [WAVES / "demo.yaml", *sorted((WAVES / "examples").glob("*.yaml"))], ids=lambda p: p.name
)
def test_the_waves_that_come_with_drover_are_right(path):
    assert load(path).machines


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file():
    found = mistakes(
        "wave: Demo\n"
        "sourc: a\n"
        "target: b\n"
        "bandwidth: 400 Mbps\n"
        "backup: {folder: /backups}\n"
        "machines:\n"
        "  - name: web\n"
        "    strategy: hot\n"
        "    after: [db]\n"
        "  - name: web\n"
        "    strategy: cold\n"
        "    compare_at_switchover: true\n"
    )
    told = [(each.line, each.place) for each in found]
    assert told == [
        (1, "wave"),
        (1, "source"),
        (2, "sourc"),
        (4, "bandwidth"),
        (8, "machines[0].strategy"),
        (9, "machines[0].after[0]"),
        (10, "machines[1].name"),
        (12, "machines[1].compare_at_switchover"),
    ]
    assert all(each.column for each in found)


def test_an_error_is_a_plain_text_that_survives_pickling():
    with pytest.raises(WaveFileError) as caught:
        parse("wave: demo\n", "demo.yaml")
    assert isinstance(caught.value, BadInputError)
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)
    assert again.mistakes == caught.value.mistakes
    assert "demo.yaml" in str(again)


# Whole files


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "---\n", "null\n", "~"])
def test_an_empty_file(text):
    assert "empty" in only(text).problem


@pytest.mark.parametrize("text", ["- a\n", "demo\n", "7\n", "[]\n"])
def test_what_is_no_wave(text):
    assert "not a wave" in only(text).problem


def test_files_that_cannot_be_read(tmp_path):
    def told(path: Path) -> str:
        with pytest.raises(WaveFileError) as caught:
            load(path)
        return str(caught.value)

    assert "no such file" in told(tmp_path / "none.yaml")
    assert "directory" in told(tmp_path)
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("wave: a\ndescription: Köln\n".encode("latin-1"))
    assert "line 2, column 15" in told(latin)
    assert "UTF-8" in told(latin)
    large = tmp_path / "disk.img"
    with large.open("wb") as file:
        file.truncate(2**32)
    assert "MiB" in told(large)
    utf16 = tmp_path / "utf16.yaml"
    utf16.write_bytes("wave: a\n".encode("utf-16"))
    assert "UTF-8" in told(utf16)
    assert "cannot be read" in told(Path("a\0b"))
    assert "cannot be read" in told(tmp_path / ("x" * 300))


def test_a_byte_order_mark_does_no_harm(tmp_path):
    path = tmp_path / "bom.yaml"
    path.write_text(HEAD + MACHINE, encoding="utf-8-sig")
    assert load(path).wave == "demo"


# YAML


def test_a_tab():
    found = only("wave: demo\nbackup:\n\tfolder: /b\n")
    assert found.line == 3
    assert "tab" in found.problem
    assert found.expected == "spaces"


@pytest.mark.parametrize(
    ("text", "line"),
    [("a: b: c", 1), ("a:\n  - b\n c", 3), ("a: 'x", 1), ("a: [1, 2\nb: 3", 2), ("a: \x00", 1), ("%YAML 9\n---\na", 1)],
)
def test_syntax_errors_have_a_line(text, line):
    found = mistakes(text)
    assert len(found) == 1
    assert found[0].line == line


def test_a_key_that_is_there_twice():
    found = only(HEAD + MACHINE + "source: c\n")
    assert (found.line, found.column, found.place) == (7, 1, "source")
    assert "first in line 2" in found.problem


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.system", "!include", "!!binary", "!!set"])
def test_tags_are_never_followed(tag):
    found = only(HEAD + MACHINE + f"description: {tag} 'touch /tmp/x'\n")
    assert "tag" in found.problem
    assert found.line == 7


def test_aliases_and_merge_keys_are_not_followed():
    assert "alias" in only(HEAD + MACHINE + "description: *x\n").problem
    merged = mistakes(HEAD + "  - &m {name: a, strategy: cold}\n  - {<<: *m, name: b}\n")
    assert any("alias" in each.problem and each.place == "machines[1].<<" for each in merged)
    merged = mistakes(HEAD + "  - {<<: {strategy: cold}, name: b}\n")
    assert any("<<" in each.problem for each in merged)


def test_hostile_nesting_is_refused_quickly():
    begun = time.monotonic()
    assert "nested too deep" in only("a: " + "[" * 300_000).problem
    assert "nested too deep" in only("{a: " * 300_000).problem
    assert time.monotonic() - begun < 2


def test_a_second_document():
    assert "second document" in only(HEAD + MACHINE + "---\nwave: other\n").problem


# The schema


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
    assert only(HEAD.replace("machines:\n", "machines: []\n")).problem == "'machines' is empty"
    assert only(HEAD).problem == "'machines' has no value"


def test_warm_is_refused_plainly():
    found = only(HEAD + "  - {name: web, strategy: warm}\n")
    assert "not there yet" in found.problem
    assert found.expected == "'cold' or 'live'"


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


def test_the_same_connection_at_both_ends():
    found = only(HEAD.replace("target: b", "target: a") + MACHINE)
    assert (found.line, found.place) == (3, "target")


def test_a_thousand_machines_in_a_row_load_and_a_thousand_in_a_circle_are_told():
    lines = [f"  - {{name: m{n}, strategy: cold, after: [m{n - 1}]}}\n" for n in range(1, 1000)]
    assert len(parse(HEAD + "  - {name: m0, strategy: cold}\n" + "".join(lines)).machines) == 1000
    found = only(HEAD + "  - {name: m0, strategy: cold, after: [m999]}\n" + "".join(lines))
    assert found.problem.count("->") == 1000


def test_fifty_machines_load_in_well_under_200_ms():
    text = HEAD + "".join(
        f"  - name: vm{n}\n    strategy: cold\n    shutdown_deadline: 60 s\n    boot_deadline: 2 min\n    checks:\n"
        f'      - http: {{url: "http://192.0.2.{n}:8080/health", status: 200, contains: "ok"}}\n'
        f"      - tcp: {{address: 192.0.2.{n}, port: 8080}}\n"
        for n in range(50)
    )
    begun = time.process_time()
    parse(text)
    assert time.process_time() - begun < 0.1


def test_loading_imports_nothing_heavy():
    heavy = ("pandas", "great_expectations", "libvirt", "paramiko", "nbd", "guestfs", "airflow", "httpx", "rich")
    code = f"import sys, drover.waves.loader, drover.waves.order\nprint(sorted(set({heavy!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

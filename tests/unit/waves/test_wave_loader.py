import pickle
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mistaken import HEAD, MACHINE, mistakes, only

from drover.errors import BadInputError
from drover.waves.loader import load, parse
from drover.waves.mistakes import WaveFileError

WAVES = Path(__file__).parents[3] / "include" / "waves"


EXAMPLES = sorted((WAVES / "examples").glob("*.yaml"))
DEMO = WAVES.parents[1] / "lab" / "waves" / "demo.yaml"


@pytest.mark.parametrize("path", [DEMO, *EXAMPLES], ids=lambda p: p.name)
def test_the_waves_that_come_with_drover_are_right(path):
    assert load(path).machines


@pytest.mark.parametrize("path", [DEMO, *EXAMPLES, *(WAVES / path.name for path in EXAMPLES)], ids=str)
def test_an_editor_finds_their_schema_also_where_examples_are_copied_to(path):
    text = path.read_text() if path in (DEMO, *EXAMPLES) else (WAVES / "examples" / path.name).read_text()
    named = text.splitlines()[0].partition("$schema=")[2]
    assert (path.parent / named).resolve() == WAVES / "wave.schema.json"


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
    begun = time.process_time()
    assert "nested too deep" in only("a: " + "[" * 300_000).problem
    assert "nested too deep" in only("{a: " * 300_000).problem
    assert time.process_time() - begun < 2


def test_a_second_document():
    assert "second document" in only(HEAD + MACHINE + "---\nwave: other\n").problem


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

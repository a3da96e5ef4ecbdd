"""The command line as a shell sees it: what it lists, what it imports, how it ends. Real processes throughout.

Commands of the test's own come in the way that anybody's do: through the entry-point group `drover.commands`.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

CONTRACT = ["audit", "bench", "copy", "demo", "lab", "plan", "setup", "test", "verify", "wave"]
HEAVY = {
    "airflow",
    "great_expectations",
    "guestfs",
    "libvirt",
    "nbd",
    "numpy",
    "pandas",
    "paramiko",
    "pyVmomi",
    "pyarrow",
    "winrm",
}

COMMANDS = '''"""Fails in every way there is."""
import os, sys, time
from pathlib import Path
import typer
from drover.errors import BadInputError

Path(os.environ["IMPORTED"]).touch()
app = typer.Typer()

@app.command()
def known() -> None:
    raise BadInputError("The machine 'a\\x1b[31m' is not there.", remedy="Name one that is.")

@app.command()
def unknown() -> None:
    raise RuntimeError("nobody thought of this")

@app.command()
def host_gone() -> None:
    raise BrokenPipeError(32, "the connection to the host broke")

@app.command()
def code() -> None:
    raise typer.Exit(3)

@app.command()
def endless() -> None:
    while True:
        typer.echo("line")

@app.command()
def waits(folder: Path) -> None:
    try:
        (folder / "begun").touch()
        time.sleep(30)
    finally:
        (folder / "tidied").touch()
'''


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Where `drover fails ...` is there too."""
    site = tmp_path / "site"
    info = site / "fails-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fails\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[drover.commands]\nfails = fails_commands:app\ngone = no_such_module:app\n")
    (site / "fails_commands.py").write_text(COMMANDS)
    return os.environ | {
        "PYTHONPATH": str(site),
        "IMPORTED": str(tmp_path / "imported"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
    }


def drover(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "drover", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)


def test_help_lists_every_command_and_imports_none(environment: dict[str, str], tmp_path: Path) -> None:
    result = drover(environment, "--help")
    assert result.returncode == 0
    listed = [line.split()[1] for line in result.stdout.splitlines() if line.startswith("│ ") and line[2] != " "]
    assert set(CONTRACT) | {"fails"} <= set(listed)
    assert "Fails in every way there is." in result.stdout
    assert not (tmp_path / "imported").exists()
    assert drover(environment, "plan", "--help").returncode == 0
    assert not (tmp_path / "imported").exists()
    assert drover(environment, "fails", "--help").returncode == 0
    assert (tmp_path / "imported").exists()


def test_every_listed_command_says_in_a_line_what_it_does() -> None:
    from drover.cli import _summary, command_modules

    for name, module in command_modules().items():
        assert 10 < len(_summary(module)) < 100, name


@pytest.mark.parametrize("command", [[], *([name] for name in CONTRACT if name not in ("setup", "test"))])
def test_asking_for_help_loads_nothing_heavy(command: list[str]) -> None:
    program = (
        "import json, sys; from drover.cli import main; "
        f"code = main({[*command, '--help']!r}); print(json.dumps([code, sorted(sys.modules)]))"
    )
    result = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True)
    code, loaded = json.loads(result.stdout.splitlines()[-1])
    assert code == 0, result.stderr
    assert HEAVY & set(loaded) == set()


def test_an_error_is_a_sentence_and_what_to_do(environment: dict[str, str]) -> None:
    result = drover(environment, "fails", "known")
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr == "The machine 'a\\x1b[31m' is not there.\nName one that is.\n"


def test_an_unexpected_error_is_a_sentence_and_a_file(environment: dict[str, str], tmp_path: Path) -> None:
    result = drover(environment, "fails", "unknown")
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    (kept,) = (tmp_path / "state/drover").iterdir()
    assert str(kept) in result.stderr
    assert "RuntimeError: nobody thought of this" in kept.read_text()
    assert kept.stat().st_mode & 0o077 == 0


def test_a_broken_connection_is_no_closed_pipe(environment: dict[str, str]) -> None:
    result = drover(environment, "fails", "host-gone")
    assert result.returncode == 2
    assert "BrokenPipeError" in result.stderr


def test_a_reader_that_left_is_no_error(environment: dict[str, str]) -> None:
    command = [sys.executable, "-P", "-m", "drover", "fails", "endless"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"line\n"
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(20) == 141


def test_a_command_says_how_it_ended(environment: dict[str, str]) -> None:
    assert drover(environment, "fails", "code").returncode == 3


@pytest.mark.parametrize(
    ("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)], ids=["INT", "TERM", "HUP"]
)
def test_a_stopped_command_tidies_up(
    environment: dict[str, str], tmp_path: Path, sent: signal.Signals, code: int
) -> None:
    command = [sys.executable, "-P", "-m", "drover", "fails", "waits", str(tmp_path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        deadline = time.monotonic() + 20
        while not (tmp_path / "begun").exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(sent)
        _, stderr = process.communicate(timeout=20)
    assert process.returncode == code
    assert (tmp_path / "tidied").exists()
    assert "Traceback" not in stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nonsense"], "No such command 'nonsense'"),
        (["lba"], "Did you mean 'lab'?"),
        (["--nonsense"], "No such option"),
        (["plan"], "Missing argument"),
        (["copy", "a", "b", "--format", "vdi"], "'--format': 'vdi' is not one of 'raw'"),
        (["fails", "code", "surplus"], "unexpected extra argument"),
        (["setup"], "./drover setup"),
        (["gone"], "cannot be loaded"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_wrong_command_line_is_told_plainly(environment: dict[str, str], arguments: list[str], words: str) -> None:
    result = drover(environment, *arguments)
    assert result.returncode == 2
    assert result.stdout == ""
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 2

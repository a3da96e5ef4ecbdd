"""Where the output goes nowhere: the exit code is a word of the command's all the same, and nothing else is told."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

DROVER = [sys.executable, "-P", "-m", "drover"]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return os.environ | {"XDG_STATE_HOME": str(tmp_path)}


def in_shell(redirection: str, *arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = ["sh", "-c", f'exec "$@" {redirection}', "sh", *DROVER, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=env)


@pytest.mark.parametrize("arguments", [["wave", "schema"], ["wave", "--help"]], ids=["plain", "table"])
def test_a_full_disk_behind_the_output_is_told(environment: dict[str, str], arguments: list[str]) -> None:
    result = in_shell(">/dev/full", *arguments, env=environment)
    assert result.returncode == 2
    assert result.stderr.startswith("The output cannot be written: No space left on device.\n")
    assert len(result.stderr.splitlines()) == 2


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full", ">&- 2>&- <&-"])
def test_an_error_that_nobody_can_be_told_is_a_two_all_the_same(environment: dict[str, str], redirection: str) -> None:
    assert in_shell(redirection, "verify", "/no/such", "/no/such", env=environment).returncode == 2


def test_what_was_closed_is_no_error(environment: dict[str, str]) -> None:
    result = in_shell(">&-", "wave", "schema", env=environment)
    assert (result.returncode, result.stderr) == (0, "")


def test_no_file_takes_the_place_of_an_output_that_was_closed(environment: dict[str, str]) -> None:
    program = (
        "import os, sys; from drover import streams; streams.prepare(); "
        "print('lost'); print(os.open('/dev/null', os.O_RDONLY), file=sys.stderr)"
    )
    command = ["sh", "-c", 'exec "$@" >&- <&-', "sh", sys.executable, "-P", "-c", program]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, env=environment)
    assert int(result.stderr) > 2


def test_a_reader_of_a_table_that_left_is_no_word_of_the_command(environment: dict[str, str]) -> None:
    """Rich ends a process with 1 there, by which `plan` says that a concern is Critical."""
    reading, writing = os.pipe()
    os.close(reading)
    result = subprocess.run(
        [*DROVER, "wave", "--help"], stdout=writing, stderr=subprocess.PIPE, timeout=60, check=False, env=environment
    )
    os.close(writing)
    assert (result.returncode, result.stderr) == (141, b"")

"""Every check of .pre-commit-config.yaml, so that `./drover test` alone, and so CI, runs what a commit does."""

import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]


def hooks() -> list[dict[str, Any]]:
    configuration = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    return [hook for repo in configuration["repos"] for hook in repo["hooks"] if hook["id"] != "tests"]


@pytest.mark.parametrize("hook", hooks(), ids=lambda hook: hook["id"])
def test_the_check_has_nothing_to_say(hook: dict[str, Any]) -> None:
    result = subprocess.run(shlex.split(hook["entry"]), cwd=ROOT, capture_output=True, text=True, check=False)
    if result.returncode:
        pytest.fail(f"{hook['entry']}:\n{result.stdout}{result.stderr}", pytrace=False)


def test_the_checks_are_those_that_we_agreed_on() -> None:
    assert [hook["id"] for hook in hooks()] == ["ruff", "format", "mypy", "go"]

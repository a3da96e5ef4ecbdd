"""What the pages say of the project, where that can be read by a machine: links, wave files, keys, commands."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def ids(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text())
    broken = [link for link in links if not urlsplit(link).scheme and not (page.parent / link).exists()]
    assert broken == []


def test_the_wave_files_on_the_page_are_right(tmp_path: Path) -> None:
    from drover.waves.loader import load

    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/wave-file.md").read_text(), re.DOTALL)
    waves = [block for block in blocks if "wave: " in block]
    checks = next(block for block in blocks if block.startswith("checks:"))
    assert len(waves) == 1
    path = tmp_path / "wave.yaml"
    path.write_text(waves[0] + "".join(f"    {line}\n" for line in checks.splitlines()))
    wave = load(path)
    assert len(wave.machines[0].checks) == 3


def test_the_page_names_every_key_of_a_wave_file() -> None:
    from drover.waves.schema import MachinePlan, Wave

    page = (ROOT / "docs/wave-file.md").read_text()
    wave, machine = page.split("## A machine")[0], page.split("## A machine")[1]
    for name in Wave.model_fields:
        assert f"`{name}" in wave, name
    for name in MachinePlan.model_fields:
        assert f"`{name}" in machine, name


def test_the_page_names_every_command() -> None:
    from drover.cli import command_modules

    page = (ROOT / "docs/command-line.md").read_text()
    for name in [*command_modules(), "setup", "test"]:
        assert re.search(rf"^\| `{name}[ `]", page, re.MULTILINE), name


def test_no_page_has_a_line_that_is_too_long() -> None:
    long = [
        f"{ids(page)}:{number}"
        for page in PAGES
        for number, line in enumerate(page.read_text().splitlines(), 1)
        if len(line) > 120 and not line.startswith("|")
    ]
    assert long == []

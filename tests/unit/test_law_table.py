"""The page that says which test holds which law names tests that exist, and every law."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROWS = re.findall(r"^\| (\d)[^|]*\| `([^:`]+)::(\w+)` \|", (ROOT / "docs/laws.md").read_text(), re.MULTILINE)


def test_every_law_has_a_test_on_real_hosts() -> None:
    assert {law for law, path, _ in ROWS if not path.startswith("tests/unit/")} == set("12345678")


def test_the_tests_exist() -> None:
    absent = [f"{path}::{name}" for _, path, name in ROWS if f"def {name}(" not in (ROOT / path).read_text()]
    assert absent == []

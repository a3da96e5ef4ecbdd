"""The page that lists the concerns has each of them, in its own words."""

import re
from pathlib import Path

from drover.concerns import catalogue

PAGE = Path(__file__).parents[3] / "docs" / "concerns.md"


def row(module: catalogue.ConcernModule) -> str:
    words = (module.__doc__ or "").splitlines()[0].rstrip(".").replace("|", "\\|")
    return f"| `{module.ID}` | {words} | {'yes' if module.WAIVABLE else 'no'} |"


def test_the_page_lists_every_concern_as_its_file_says_it() -> None:
    listed = re.findall(r"^\| `[a-z_.]+` \|.*$", PAGE.read_text(), re.MULTILINE)
    assert listed == [row(module) for module in catalogue.modules()]

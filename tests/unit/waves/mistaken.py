"""Wave files with mistakes in them, and the mistakes that the loader tells."""

import pytest

from drover.waves.loader import parse
from drover.waves.mistakes import Mistake, WaveFileError

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

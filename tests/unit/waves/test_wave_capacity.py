"""How much of a wave would fit where the whole of it does not, in the order in which its machines go."""

import pytest
from mistaken import HEAD

from drover.waves.capacity import what_fits
from drover.waves.loader import parse

# In the file's order the first goes last.
MACHINES = "".join(
    f"  - {{name: {name}, strategy: cold, after: [{after}]}}\n"
    for name, after in (("web", "app"), ("app", "db"), ("db", ""))
)
NEEDS = {"web": 1, "app": 5, "db": 3}


@pytest.mark.parametrize(
    ("room", "words"),
    [
        (2, "Not even 'db', which goes first, fits."),
        (3, "The first 1 of 3 machines would fit: those up to 'db'."),
        (7, "The first 1 of 3 machines would fit: those up to 'db'."),
        (8, "The first 2 of 3 machines would fit: those up to 'app'."),
    ],
)
def test_as_many_as_fit_one_after_the_other(room: int, words: str) -> None:
    assert what_fits(parse(HEAD + MACHINES), NEEDS, room) == words


def test_machines_that_need_nothing_or_are_not_found_are_not_counted() -> None:
    assert what_fits(parse(HEAD + MACHINES), {"web": 2, "app": 0, "db": 1}, 1).startswith("The first 1 of 2")
    assert what_fits(parse(HEAD + MACHINES), {"web": 2, "db": 1}, 1).startswith("The first 1 of 2")

"""Labs without machines: up in seconds, for what is about the lab itself."""

import os
from collections.abc import Callable, Iterator

import pytest

from drover_lab import lab as labs
from drover_lab.lab import Lab


@pytest.fixture
def empty_lab() -> Iterator[Callable[..., Lab]]:
    """Makes labs without machines; call it with a word for the name, and kinds of hosts beside KVM.

    All are taken down in the end.
    """
    names: list[str] = []

    def make(word: str, *kinds: str) -> Lab:
        names.append(f"t{os.getpid()}-{word}")
        return labs.up(names[-1], machine_names=(), hypervisors=kinds)

    yield make
    for name in names:
        labs.down(name)

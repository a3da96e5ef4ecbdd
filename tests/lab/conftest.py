"""Labs without machines: up in seconds, for what is about the lab itself; and one with the Hyper-V hosts' machines."""

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
        names.append(f"pytest{os.getpid()}-{word}")
        return labs.up(names[-1], machine_names=(), hypervisors=kinds)

    yield make
    for name in names:
        labs.down(name)


@pytest.fixture(scope="session")
def hlab() -> Iterator[Lab]:
    """KVM and Hyper-V hosts. `DROVER_TEST_HLAB=name` uses that lab, starts it if need be, and keeps it."""
    reused = os.environ.get("DROVER_TEST_HLAB")
    name = reused or f"pytest{os.getpid()}-hv"
    try:
        yield labs.up(name, machine_names=("mill", "forge"), say=print)
    finally:
        if not reused:
            labs.down(name)

"""Labs without machines: up in seconds, for what is about the lab itself; and two with machines, for all tests here."""

import os
from collections.abc import Callable, Iterator

import pytest
from folder_scope import goes_with_folder

from drover_lab import guests
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
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """A lab with the KVM hosts' machines. `DROVER_TEST_LAB=name` uses that one, starts it if need be, and keeps it."""
    goes_with_folder(request, __file__)
    reused = os.environ.get("DROVER_TEST_LAB")
    name = reused or f"pytest{os.getpid()}"
    try:
        yield labs.up(name, machine_names=guests.ON_KVM, say=print)
    finally:
        if not reused:
            labs.down(name)


@pytest.fixture(scope="session")
def hlab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """KVM and Hyper-V hosts. `DROVER_TEST_HLAB=name` uses that lab, starts it if need be, and keeps it."""
    goes_with_folder(request, __file__)
    reused = os.environ.get("DROVER_TEST_HLAB")
    name = reused or f"pytest{os.getpid()}-hv"
    try:
        yield labs.up(name, machine_names=("mill", "forge"), say=print)
    finally:
        if not reused:
            labs.down(name)

"""A lab with vCenters, talked to as anybody would: through pyvmomi as it comes, with the certificate verified."""

import os
from collections.abc import Iterator

import pytest
from folder_scope import goes_with_folder
from vcenter_client import Client

from drover_lab import lab as labs
from drover_lab.lab import Lab


@pytest.fixture(scope="session")
def vlab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """`DROVER_TEST_VLAB=name` uses that lab, starts it if need be, and keeps it."""
    goes_with_folder(request, __file__)
    reused = os.environ.get("DROVER_TEST_VLAB")
    name = reused or f"pytest{os.getpid()}-vc"
    try:
        yield labs.up(name, machine_names=("shop", "mail"), say=print)
    finally:
        if not reused:
            labs.down(name)


@pytest.fixture
def near(vlab: Lab) -> Iterator[Client]:
    """The vCenter of site a; what a test made there is removed, and its faults are switched off."""
    yield from _client(vlab, "vc-a")


@pytest.fixture
def far(vlab: Lab) -> Iterator[Client]:
    yield from _client(vlab, "vc-b")


def _client(vlab: Lab, host: str) -> Iterator[Client]:
    client = Client(vlab, host)
    try:
        yield client
    finally:
        vlab.ask_vcenter(host, "faults", faults={})
        vlab.ask_vcenter(host, "delay", delay=0)
        vlab.ask_vcenter(host, "lease-timeout", lease_timeout=0)
        client.tidy()

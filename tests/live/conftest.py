"""Tests against a host of your own. They only read. Without DROVER_LIVE, which names its connection, there are none."""

import os

import pytest

from drover.hypervisors.connection import resolve

CONNECTIONS = [one.strip() for one in os.environ.get("DROVER_LIVE", "").split(",") if one.strip()]

collect_ignore_glob = [] if CONNECTIONS else ["test_*.py"]


@pytest.fixture(params=CONNECTIONS)
def connection(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[one for one in CONNECTIONS if resolve(one).kind == "vsphere"])
def vsphere_connection(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[one for one in CONNECTIONS if resolve(one).kind == "hyperv"])
def hyperv_connection(request: pytest.FixtureRequest) -> str:
    return str(request.param)

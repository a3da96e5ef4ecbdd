"""Tests against a host or an object store of your own. Without DROVER_LIVE and DROVER_LIVE_STORE there are none.

Hosts, named by their connections, are only read. In a store, named by its address, a place of the test's own is made.
"""

import os

import pytest

from drover.hypervisors.connection import resolve


def _named(variable: str) -> list[str]:
    return [one.strip() for one in os.environ.get(variable, "").split(",") if one.strip()]


CONNECTIONS = _named("DROVER_LIVE")
STORES = _named("DROVER_LIVE_STORE")

collect_ignore = [
    *([] if CONNECTIONS else ["test_live_inventory.py"]),
    *([] if STORES else ["test_live_object_store.py"]),
]


@pytest.fixture(params=CONNECTIONS)
def connection(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[one for one in CONNECTIONS if resolve(one).kind == "vsphere"])
def vsphere_connection(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[one for one in CONNECTIONS if resolve(one).kind == "hyperv"])
def hyperv_connection(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> str:
    return str(request.param)

"""One simulated host for all tests of the WinRM transport; each test finds it running, empty and faultless."""

from collections.abc import Iterator

import pytest
from hyperv_peer import Peer, World


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World.make(tmp_path_factory.mktemp("hyperv"))
    kdc = made.realm.start()
    try:
        yield made
    finally:
        kdc.kill()
        kdc.wait()


@pytest.fixture(scope="session")
def _running(world: World) -> Iterator[Peer]:
    quotas = {"shells_per_user": 3, "commands_per_shell": 2}
    peer = world.host("hv-a", quotas=quotas, administrators=("administrator", "operator"))
    try:
        yield peer
    finally:
        peer.end()


@pytest.fixture
def peer(_running: Peer) -> Iterator[Peer]:
    _running.ask("start")
    _running.ask("clear")
    yield _running
    # Whatever the test did: nothing was asked that the host does not model, and no shell was left.
    status = _running.status()
    assert status["unmodelled"] == []
    assert status["shells"] == []

"""One simulated host for all tests of the WinRM transport; each test finds it running, empty and faultless."""

from collections.abc import Iterator

import pytest
from hyperv_peer import Peer, World
from hyperv_place import Place, settings, source

from drover.hypervisors.hyperv import shell


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


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little time passes until a shell is deleted once more."""
    monkeypatch.setattr(shell, "_DELETE_PAUSE", 0.1)


@pytest.fixture
def empty(place: Place) -> Iterator[Place]:
    """Whatever the test did: no open shell is left, and after a rollback no machine and no file.

    :param place: a test file's own.
    """
    owner, before = settings(source()).owner, place.files()
    yield place
    place.peer.ask("clear")
    assert place.peer.shells == []
    with place.open() as hypervisor:
        if hypervisor.find("web") is not None:
            hypervisor.power_off("web")
        hypervisor.remove("web", owner)
        assert hypervisor.machines() == []
    assert place.files() == before

"""The line to a Hyper-V host's disks breaks in the middle: a sentence, nothing stays behind, the next try is whole."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hyperv_peer import World
from hyperv_place import MIB, Place, running, settings, source
from smb_relay import Relay

from drover.blocks.endpoint import Endpoint
from drover.blocks.images import create_image, serve_image
from drover.blocks.manifest import Manifest
from drover.blocks.readback import read_manifest
from drover.blocks.throttle import Throttle
from drover.blocks.verified import VerifiedCopy, verified_copy
from drover.errors import RetryableError
from drover.hypervisors.port import Hypervisor
from drover.model import DiskFormat, Firmware, PowerState
from drover_lab.process import wait_until

SIZES = (24 * MIB, 8 * MIB)
OWNER = settings(source()).owner
# In the middle of the first disk, when its server and the second one's have long begun.
MIDDLE = 10 * MIB


@pytest.fixture(scope="module")
def place(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with running(world, tmp_path_factory.mktemp("cut"), "hv-c") as made:
        yield made


@pytest.fixture(scope="module")
def relay(place: Place) -> Iterator[Relay]:
    made = Relay(place.samba.port)
    yield made
    made.close()


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """What is on the machine's disks."""
    folder = tmp_path_factory.mktemp("originals")
    found = [folder / f"{number}.raw" for number, _ in enumerate(SIZES)]
    for path, size in zip(found, SIZES, strict=True):
        path.write_bytes(os.urandom(size))
    return found


@pytest.fixture
def web(place: Place, originals: list[Path]) -> Iterator[Place]:
    """The host with a machine that is off, and its disks full. Whatever the test did, no shell is left open."""
    machine = source(firmware=Firmware.BIOS)
    with place.open() as hypervisor:
        hypervisor.define(machine, settings(machine))
        written(hypervisor, originals)
    try:
        yield place
        assert place.peer.shells == []
        assert place.peer.status()["unmodelled"] == []
    finally:
        with place.open() as hypervisor:
            hypervisor.power_off("web")
            hypervisor.release_disks("web")
            hypervisor.remove("web", OWNER)


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where all private folders are; a socket's path must be short."""
    with tempfile.TemporaryDirectory(prefix="d-", dir="/tmp") as name:
        monkeypatch.setattr(tempfile, "tempdir", name)
        yield Path(name)


def left(temporary: Path) -> set[str]:
    """The private folders in there, and the processes that work on them."""
    lines = subprocess.run(["ps", "axww", "-o", "args"], check=True, capture_output=True, text=True).stdout
    programs = {line.split()[0] for line in lines.splitlines() if str(temporary) in line}
    return programs | {path.name.rpartition("-")[0] for path in temporary.iterdir()}


def carried(one: Endpoint, other: Endpoint, journal: Path | None = None) -> VerifiedCopy:
    return verified_copy(one, other, journal=journal, throttle=Throttle(), progress=lambda _: None)


def written(hypervisor: Hypervisor, originals: list[Path], journal: Path | None = None) -> list[VerifiedCopy]:
    with hypervisor.write_disks("web", OWNER) as endpoints:
        done = []
        for path, endpoint in zip(originals, endpoints.values(), strict=True):
            with serve_image(path, format=DiskFormat.RAW, read_only=True) as original:
                done.append(carried(original, endpoint, journal))
            journal = None
        return done


def read(hypervisor: Hypervisor) -> list[Manifest]:
    with hypervisor.read_disks("web") as endpoints:
        return [manifest(endpoint) for endpoint in endpoints.values()]


def manifest(endpoint: Endpoint) -> Manifest:
    return read_manifest(endpoint, throttle=Throttle(), progress=lambda _: None)


def manifests(originals: list[Path]) -> list[Manifest]:
    found = []
    for path in originals:
        with serve_image(path, format=DiskFormat.RAW, read_only=True) as endpoint:
            found.append(manifest(endpoint))
    return found


def writable(hypervisor: Hypervisor) -> bool:
    try:
        with hypervisor.write_disks("web", OWNER):
            return True
    except RetryableError:
        return False


def gone(relay: Relay) -> str:
    return (
        f"127.0.0.1 does not answer for files (SMB, port {relay.port}). Try again when it does; if it never did, open "
        "that port there, or correct the connection's smb_port."
    )


@pytest.mark.parametrize("state", [PowerState.OFF, PowerState.RUNNING])
def test_the_line_is_cut_while_disks_are_read(
    web: Place, relay: Relay, originals: list[Path], temporary: Path, state: PowerState
) -> None:
    at_work: set[str] = set()
    with web.open(smb_port=relay.port) as hypervisor:
        if state is PowerState.RUNNING:
            hypervisor.power_on("web")
        relay.break_after(MIDDLE, then=lambda: at_work.update(left(temporary)))
        with pytest.raises(RetryableError) as caught:
            read(hypervisor)
        assert str(caught.value) == gone(relay)
        assert at_work == {"nbdkit", "qemu-nbd", "drover-nbd", "drover-winrm"}
        assert left(temporary) == {"drover-winrm"}  # the connection's own, until it is closed
        after = hypervisor.machine("web")
        assert (after.state, after.snapshots) == (state, ())
        relay.mend()
        assert read(hypervisor) == manifests(originals)
    assert left(temporary) == set()


def test_the_line_is_cut_while_a_disk_is_copied_and_the_copy_goes_on(
    web: Place, relay: Relay, originals: list[Path], temporary: Path, tmp_path: Path
) -> None:
    target = tmp_path / "copy.raw"
    create_image(target, DiskFormat.RAW, SIZES[0])

    def copied(hypervisor: Hypervisor) -> VerifiedCopy:
        with (
            serve_image(target, format=DiskFormat.RAW, read_only=False) as image,
            hypervisor.read_disks("web") as endpoints,
        ):
            return carried(next(iter(endpoints.values())), image, tmp_path / "journal")

    with web.open(smb_port=relay.port) as hypervisor:
        relay.break_after(MIDDLE)
        with pytest.raises(RetryableError) as caught:
            copied(hypervisor)
        assert str(caught.value) == gone(relay)
        relay.mend()
        assert copied(hypervisor).copy.bytes_resumed > 0
    assert target.read_bytes() == originals[0].read_bytes()
    assert left(temporary) == set()


def test_the_line_is_cut_while_disks_are_written(
    web: Place, relay: Relay, originals: list[Path], temporary: Path, tmp_path: Path
) -> None:
    others = [tmp_path / "0.raw", tmp_path / "1.raw"]
    for path, size in zip(others, SIZES, strict=True):
        path.write_bytes(os.urandom(size))
    with web.open(smb_port=relay.port) as hypervisor:
        relay.break_after(MIDDLE, "told")
        with pytest.raises(RetryableError) as caught:
            written(hypervisor, others, tmp_path / "journal")
        assert str(caught.value) == gone(relay)
        assert left(temporary) == {"drover-winrm"}
        relay.mend()
        wait_until("the server has let go of them", lambda: writable(hypervisor), deadline=30, interval=0.05)
        assert written(hypervisor, others, tmp_path / "journal")[0].copy.bytes_resumed > 0
        assert read(hypervisor) == manifests(others) != manifests(originals)
    assert left(temporary) == set()


@pytest.mark.parametrize("state", [PowerState.OFF, PowerState.RUNNING])
def test_nobody_listens_for_files(web: Place, temporary: Path, state: PowerState) -> None:
    closed = Relay(web.samba.port)
    closed.close()
    with web.open(smb_port=closed.port) as hypervisor:
        if state is PowerState.OFF:
            with pytest.raises(RetryableError) as caught, hypervisor.write_disks("web", OWNER):
                raise AssertionError("served")
            assert str(caught.value) == gone(closed)
        else:
            hypervisor.power_on("web")
        with pytest.raises(RetryableError) as caught:
            read(hypervisor)
        assert str(caught.value) == gone(closed)
        assert left(temporary) == {"drover-winrm"}
        after = hypervisor.machine("web")
        assert (after.state, after.snapshots) == (state, ())


# The host itself restarts: nobody answers for files, and nobody for scripts


def loses_power(place: Place) -> None:
    """Until `has_power`."""
    place.samba.stop()
    place.peer.ask("reboot", seconds=3600.0)


def has_power(place: Place) -> None:
    place.samba.start()
    place.peer.ask("reboot", seconds=0.0)
    wait_until("the host listens", place.listens, deadline=30, interval=0.05)


@pytest.fixture
def failing(web: Place, relay: Relay) -> Iterator[Place]:
    """Loses its power in the middle of the first disk, and has it again in the end, whatever the test did."""
    relay.break_after(MIDDLE, then=lambda: loses_power(web))
    yield web
    relay.mend()
    if not web.listens():
        has_power(web)


def test_the_host_restarts_while_a_machine_that_is_off_is_read(
    failing: Place, relay: Relay, originals: list[Path], temporary: Path
) -> None:
    with failing.open(smb_port=relay.port) as hypervisor:
        with pytest.raises(RetryableError) as caught:
            read(hypervisor)
        assert str(caught.value) == gone(relay)
        assert left(temporary) == {"drover-winrm"}
        relay.mend()
        has_power(failing)
        assert hypervisor.power_state("web") is PowerState.OFF
        assert read(hypervisor) == manifests(originals)


@pytest.mark.parametrize("starts", [False, True])
@pytest.mark.parametrize("released", [False, True])
def test_the_host_restarts_while_a_machine_that_runs_is_read(
    failing: Place, relay: Relay, originals: list[Path], temporary: Path, starts: bool, released: bool
) -> None:
    """What froze it could not be taken away; that is done by the next try, or by a rollback."""
    with failing.open(smb_port=relay.port) as hypervisor:
        files = [disk.path for disk in hypervisor.machine("web").disks]
        hypervisor.set_autostart("web", starts)
        hypervisor.power_on("web")
        with pytest.raises(RetryableError) as caught:
            read(hypervisor)
        assert str(caught.value) == gone(relay)
        assert left(temporary) == {"drover-winrm"}
        relay.mend()
        has_power(failing)
        state = PowerState.RUNNING if starts else PowerState.OFF
        frozen = hypervisor.machine("web")
        assert (frozen.state, frozen.snapshots) == (state, ("drover read",))
        if released:
            hypervisor.release_disks("web")
        else:
            assert read(hypervisor) == manifests(originals)
        after = hypervisor.machine("web")
        assert (after.state, after.snapshots, [disk.path for disk in after.disks]) == (state, (), files)
        assert read(hypervisor) == manifests(originals)
    assert left(temporary) == set()


def test_a_host_that_stays_away_is_told_when_its_disks_are_to_be_released(failing: Place, relay: Relay) -> None:
    with failing.open(smb_port=relay.port) as hypervisor:
        hypervisor.power_on("web")
        with pytest.raises(RetryableError):
            read(hypervisor)
        with pytest.raises(RetryableError) as caught:
            hypervisor.release_disks("web")
        assert caught.value.message == (
            f"WinRM is not running on 127.0.0.1: nothing listens at port {hypervisor.session.target.port}."
        )

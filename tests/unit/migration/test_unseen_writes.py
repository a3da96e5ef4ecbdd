"""What somebody writes, starts or replaces between two steps, where nobody would see it by himself."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import pytest
from fake_host import FakeHost, Killed
from outcomes import OFF, RUNNING

from conftest import Site
from drover.blocks.endpoint import Endpoint
from drover.errors import CorruptionError, OperatorNeededError
from drover.migration import disks as disks_module
from drover.migration import read_once


def overwrite(host: FakeHost, disk: int = 0) -> None:
    with open(host.known["web"].disks[disk].path, "r+b") as image:
        image.write(b"written by the guest")


@pytest.fixture
def unknown(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Its source lies on block devices, of which nobody can tell when they were written."""
    serve = site.source._serve

    @contextmanager
    def unversioned(name: str, read_only: bool) -> Iterator[Mapping[str, Endpoint]]:
        with serve(name, read_only) as found:
            yield {disk: replace(endpoint, version="") for disk, endpoint in found.items()}

    monkeypatch.setattr(site.source, "_serve", unversioned)
    return site


def test_what_was_written_to_a_disk_that_cannot_tell_is_found_at_the_cutover(unknown: Site) -> None:
    """Somebody started the source after the test, and stopped it again."""
    unknown.run_until("cutover")
    overwrite(unknown.source)

    with pytest.raises(CorruptionError, match="Disk vda of machine 'web' was written at the source"):
        unknown.run("cutover")

    assert unknown.target.state("web") is OFF


def test_a_disk_that_cannot_tell_and_was_not_written_goes_through(unknown: Site) -> None:
    unknown.run_until("commit")

    assert unknown.target.state("web") is RUNNING


def test_a_source_that_lost_a_disk_since_is_not_taken_for_unchanged(site: Site) -> None:
    site.run_until("cutover")
    site.source.change("web", disks=site.source.known["web"].disks[:1])

    with pytest.raises(CorruptionError, match="Disk vdb of machine 'web' is not at the source any more"):
        site.run("cutover")

    assert site.target.state("web") is OFF


def test_a_source_that_is_started_while_its_disks_are_looked_at_keeps_the_target_off(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Law: never two. That look takes seconds, and a cluster may restart the machine in them."""
    site.run_until("cutover")
    read = site.source.read_disks

    @contextmanager
    def started_meanwhile(name: str) -> Iterator[Mapping[str, Endpoint]]:
        with read(name) as found:
            yield found
        site.source.change("web", state=RUNNING)

    monkeypatch.setattr(site.source, "read_disks", started_meanwhile)

    with pytest.raises(OperatorNeededError, match="is running at the source, so the target must not run"):
        site.run("cutover")

    assert site.target.state("web") is OFF


def test_a_machine_that_was_off_and_was_started_since_is_not_shut_down_by_a_retry(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever started it needs it, and a rollback would leave it off, as the run had found it."""
    site.source.change("web", state=OFF)
    site.run_until("transfer")

    def killed(*ends: object, **how: object) -> None:
        raise Killed

    monkeypatch.setattr(read_once, "copy_disks", killed)
    with pytest.raises(Killed):
        site.run("transfer")
    site.source.change("web", state=RUNNING)

    with pytest.raises(OperatorNeededError, match="was off when the run began and is running now"):
        site.run("transfer")
    site.roll_back()

    assert site.source.state("web") is RUNNING


def test_a_manifest_that_was_exchanged_is_not_what_the_transfer_recorded(site: Site) -> None:
    """Both ends of the comparison would be of the target."""
    site.run_until("validate")
    store = site.root / "store"
    mine = next(store.glob("**/manifests/source/vda.parquet"))
    overwrite(site.target)
    with site.move() as move, site.target.read_disks("web") as found:
        disks_module.manifests(move, "source").save(disks_module.read_disks(move, {"vda": found["vda"]}))
    assert mine.exists()

    with pytest.raises(CorruptionError, match="manifest of disk vda is not the one that the transfer recorded"):
        site.run("validate")

"""A machine that is off is read once, by its backup; whatever may have changed since is read again."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from fake_host import FakeHost
from outcomes import OFF

from conftest import Site
from drover.blocks.endpoint import Endpoint
from drover.errors import CorruptionError


@pytest.fixture
def backed_up(site: Site) -> Site:
    """A machine that is off, with its backup made."""
    site.source.change("web", state=OFF)
    site.run_until("transfer")
    return site


def image(host: FakeHost, disk: int = 0) -> Path:
    return Path(host.known["web"].disks[disk].path)


def read_from(site: Site) -> object:
    """Transfers the machine; what its record says."""
    site.run("transfer")
    with site.move() as move:
        record = move.store.last("transfer", "passed")
        return record and record.facts["read_from"]


def overwrite(path: Path, at: int = 0) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(b"other bytes")


def test_what_the_backup_has_read_is_not_read_again(backed_up: Site) -> None:
    """Seen by bytes that nobody could have read twice: the file's time of writing is put back."""
    disk = image(backed_up.source)
    before, times = disk.read_bytes(), disk.stat()
    overwrite(disk)
    os.utime(disk, ns=(times.st_atime_ns, times.st_mtime_ns))

    assert read_from(backed_up) == "backup"
    assert image(backed_up.target).read_bytes() == before


def test_what_was_written_since_the_backup_is_read(backed_up: Site) -> None:
    overwrite(image(backed_up.source, 1))

    assert read_from(backed_up) == "source"
    assert image(backed_up.target, 1).read_bytes() == image(backed_up.source, 1).read_bytes()


def test_a_machine_that_ran_when_it_was_backed_up_is_read_again(site: Site) -> None:
    site.run_until("transfer")

    assert read_from(site) == "source"


def test_a_disk_that_cannot_tell_when_it_was_written_is_read_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    serve = site.source._serve

    @contextmanager
    def unversioned(name: str, read_only: bool) -> Iterator[Mapping[str, Endpoint]]:
        with serve(name, read_only) as found:
            yield {disk: replace(endpoint, version="") for disk, endpoint in found.items()}

    monkeypatch.setattr(site.source, "_serve", unversioned)
    site.source.change("web", state=OFF)
    site.run_until("transfer")

    assert read_from(site) == "source"


def test_a_backup_that_rotted_since_it_was_sealed_is_not_taken_for_the_source(backed_up: Site) -> None:
    (sealed,) = (backed_up.root / "backup").rglob("vda.qcow2")
    content = sealed.read_bytes()
    overwrite(sealed, content.index(image(backed_up.source).read_bytes()[:64]))

    with pytest.raises(CorruptionError, match="The backup of disk vda of machine 'web' holds other bytes"):
        backed_up.run("transfer")


def test_a_move_that_was_read_once_goes_all_the_way(backed_up: Site) -> None:
    for stage in ("transfer", "validate", "test", "cutover", "commit"):
        backed_up.run(stage)

    assert (backed_up.source.state("web"), backed_up.target.state("web")) == (OFF, OFF)

"""A backup is whole or it is not there: what the cutover relies on, and what a failed try leaves."""

import dataclasses
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import Site
from drover.errors import CorruptionError, DroverError
from drover.migration import backup
from drover.model import Nic, PowerState
from drover.waves.schema import Wave


def files(site: Site) -> dict[str, Path]:
    (folder,) = site.root.glob("backup/unit/run-1/web")
    return {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}


def test_the_seal_names_every_file(site: Site) -> None:
    site.run_until("backup")
    sealed = site.run("backup")["files"]

    assert set(sealed) == set(files(site)) - {"backup.json"}
    assert {"vda.qcow2", "manifests/vda.parquet", "machine.json", "definition.native"} <= set(sealed)


@pytest.mark.parametrize(
    "name", ["vda.qcow2", "vdb.qcow2", "manifests/vdb.parquet", "machine.json", "definition.native"]
)
@pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:-1])])
def test_no_cutover_without_every_part_of_the_backup(site: Site, name: str, harm: object) -> None:
    site.run_until("cutover")
    harm(files(site)[name])  # type: ignore[operator]

    with pytest.raises(CorruptionError, match=f"is not whole: {name}"):
        site.run("cutover")

    assert site.target.state("web") is PowerState.OFF
    site.roll_back()
    assert site.source.state("web") is PowerState.RUNNING


def test_manifests_of_another_disk_do_not_fit_the_seal(site: Site) -> None:
    site.run_until("cutover")
    there = files(site)
    there["manifests/vda.parquet"].write_bytes(there["manifests/vdb.parquet"].read_bytes())

    with pytest.raises(CorruptionError, match=r"is not whole: manifests/vda\.parquet"):
        site.run("cutover")


def test_a_broken_backup_is_not_found_good_by_a_retry(site: Site) -> None:
    site.run_until("transfer")
    files(site)["vda.qcow2"].unlink()

    with pytest.raises(CorruptionError, match="is not whole"):
        site.run("backup")


@pytest.fixture
def small(site: Site) -> Iterator[Site]:
    """Where the backups go there is room for one disk of two."""
    folder = site.root / "backup"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6M", "tmpfs", str(folder)], check=True)
    try:
        yield site
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_backup_into_a_full_folder_fails_and_leaves_nothing(small: Site) -> None:
    small.run("inventory")
    kept = small.root / "backup" / "somebody.txt"
    kept.write_text("else's")

    with pytest.raises(DroverError):
        small.run("backup")

    assert [path for path in (small.root / "backup").rglob("*") if path.is_file()] == [kept]
    assert small.source.state("web") is PowerState.RUNNING


def test_what_a_killed_backup_left_goes_with_the_rollback(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.run_until("backup")
    with monkeypatch.context() as killed:
        killed.setattr(backup, "_discard", lambda *_: None)
        killed.setattr(backup, "totals", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            site.run("backup")
    assert "vda.qcow2" in files(site)

    site.roll_back()

    assert not (site.root / "backup" / "unit" / "run-1" / "web").exists()


def test_a_rollback_leaves_a_finished_backup_alone(site: Site) -> None:
    site.run_until("validate")

    site.roll_back()

    assert "backup.json" in files(site)


def test_a_machine_with_its_backup_made_is_known_to_those_after_it(site: Site) -> None:
    wave = Wave.model_validate(site.wave)
    site.run_until("backup")
    assert backup.sealed(wave, "run-1", site.root / "store") == frozenset()

    site.run("backup")

    assert backup.sealed(wave, "run-1", site.root / "store") == {"web"}
    assert backup.sealed(wave, "run-2", site.root / "store") == frozenset()


def add_other(site: Site) -> None:
    site.source.add("web.1", {"vda": b"other" * 1024, "vdb": b"more!" * 1024})
    site.source.change("web.1", nics=(Nic("52:54:00:00:00:02", "production", "virtio"),))
    site.wave["machines"].append({**site.wave["machines"][0], "name": "web.1"})


def test_after_a_rollback_a_backup_is_no_other_machines(site: Site) -> None:
    """Law: no cutover without a verified backup. `web.1` is a machine of its own, with disks called alike."""
    add_other(site)
    other = dataclasses.replace(site, machine=1)
    site.run_until("validate")
    site.roll_back()
    other.run_until("backup")
    others = other.run("backup")

    mine = site.run("backup")

    assert "reused" not in mine
    assert mine["of"]["machine"] == "web"
    assert mine["folder"] != others["folder"]


@pytest.mark.parametrize(("run", "whose"), [("run-1", "'web.1'"), ("run-2", "in run run-2")])
def test_what_is_of_another_machine_or_run_is_no_backup(site: Site, run: str, whose: str) -> None:
    add_other(site)
    other = dataclasses.replace(site, machine=int(run == "run-1"), name=run)
    other.run_until("transfer")
    shutil.copytree(other.run("backup")["folder"], site.root / "backup/unit/run-1/web")
    site.run_until("backup")

    with pytest.raises(CorruptionError, match=f"is no backup of machine 'web' in run run-1: it is of .*{whose}"):
        site.run("backup")

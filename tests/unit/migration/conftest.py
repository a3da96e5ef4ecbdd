"""Two hosts over image files, and one machine that can be put through the stages one by one."""

import random
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fake_host import MIB, Answer, FakeHost
from fake_live import LiveFakeHost, TakingFakeHost

from drover.blocks.endpoint import Endpoint
from drover.blocks.readback import read_manifest
from drover.blocks.throttle import Throttle
from drover.guest.table import to_table
from drover.hypervisors import registry
from drover.hypervisors.connection import ConnectionSpec
from drover.migration import (
    backup,
    checks,
    commit,
    cutover,
    inventory,
    preflight,
    rollback,
    transfer,
    trial,
    validate,
)
from drover.migration.move import Move, open_move
from drover.waves.schema import Wave

STAGES: dict[str, Callable[[Move], Any]] = {
    "inventory": inventory.run,
    "preflight": preflight.run,
    "backup": backup.run,
    "transfer": transfer.run,
    "validate": validate.run,
    "test": trial.run,
    "cutover": cutover.run,
    "commit": commit.run,
}


@dataclass
class Site:
    """Source, target and the wave between them; every stage opens its own move, as each Airflow task does."""

    source: LiveFakeHost
    target: FakeHost
    root: Path
    wave: dict[str, Any]
    name: str = "run-1"
    # Which of the wave's machines the stages are run for.
    machine: int = 0

    def move(self) -> Any:
        wave = Wave.model_validate(self.wave)
        specs = {"a": ConnectionSpec("a", "libvirt", "a"), "b": ConnectionSpec("b", "libvirt", "b")}
        return open_move(wave, wave.machines[self.machine].key, self.name, specs.__getitem__, self.root / "store")

    def run(self, stage: str) -> Any:
        with self.move() as move:
            return STAGES[stage](move)

    def run_until(self, stage: str) -> None:
        """All stages before this one."""
        for name in list(STAGES)[: list(STAGES).index(stage)]:
            self.run(name)

    def snapshot(self) -> "Snapshot":
        return Snapshot(self)

    def roll_back(self) -> Any:
        with self.move() as move:
            return rollback.run(move)


class Snapshot:
    """All files and both hosts as they are now, to start from again."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._hosts = (dict(site.source.known), dict(site.target.known))
        self._copy = site.root.with_name(f"{site.root.name}-snapshot")
        shutil.copytree(site.root, self._copy)

    def restore(self) -> None:
        for kept in ("store", "backup"):
            shutil.rmtree(self._site.root / kept, ignore_errors=True)
            if (self._copy / kept).exists():
                shutil.copytree(self._copy / kept, self._site.root / kept)
        for host in ("a", "b"):
            self._restore_images(self._site.root / host, self._copy / host)
        self._site.source.known, self._site.target.known = (dict(known) for known in self._hosts)

    def _restore_images(self, now: Path, before: Path) -> None:
        """An image that was not written stays the very file that it is: a new one would count as written."""
        for image in now.iterdir():
            if not (before / image.name).exists():
                image.unlink()
        for image in before.iterdir():
            if not (now / image.name).exists() or (now / image.name).read_bytes() != image.read_bytes():
                shutil.copy2(image, now / image.name)


def read_blocks_as_files(disks: Mapping[str, Endpoint]) -> pd.DataFrame:
    """A file a disk: its guest has no filesystem that an appliance could mount."""
    return to_table(
        {"filesystem": f"{name}:0", "path": "/all", "guest_path": "/all", "type": "file", "digest": _root(disk)}
        for name, disk in disks.items()
    )


def _root(disk: Endpoint) -> str:
    return read_manifest(disk, throttle=Throttle(None), progress=lambda _: None).root


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    return build(tmp_path, monkeypatch, LiveFakeHost("a", tmp_path / "a"), FakeHost("b", tmp_path / "b"))


def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: LiveFakeHost, target: FakeHost) -> Site:
    """The machine `web` at the source, and a wave that moves it."""
    noise = random.Random(7)
    source.add("web", {"vda": noise.randbytes(5 * MIB), "vdb": bytes(2 * MIB) + noise.randbytes(MIB)})
    hosts = {"a": source, "b": target}
    monkeypatch.setattr(registry, "connect", lambda spec: hosts[spec.id])
    # Guests answer while one of the two runs; reading their files needs an appliance, which the lab tests start.
    monkeypatch.setattr(checks, "direct", lambda *_: Answer())
    monkeypatch.setattr("drover.guest.files.read_both", lambda *ends: tuple(map(read_blocks_as_files, ends)))
    return Site(
        source,
        target,
        tmp_path,
        {
            "wave": "unit",
            "source": "a",
            "target": "b",
            "mappings": {
                "networks": {"production": "production"},
                "storage": {"default": "default"},
                "test_network": "isolated",
            },
            "backup": {"folder": str(tmp_path / "backup")},
            "machines": [
                {
                    "name": "web",
                    "strategy": "cold",
                    "boot_deadline": "2 s",
                    # A fake host obeys at once; a rollback waits this long for a shutdown that may still come.
                    "shutdown_deadline": "2 s",
                    "checks": [{"http": {"url": "http://192.0.2.1:8080/health", "contains": "ok"}}],
                }
            ],
        },
    )


@pytest.fixture
def along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A live move in which the platform takes the machine along."""
    site = build(tmp_path, monkeypatch, TakingFakeHost("a", tmp_path / "a"), TakingFakeHost("b", tmp_path / "b"))
    site.wave["machines"][0] |= {"strategy": "live"}
    return site


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """One manager is both ends; the machine goes from its host `a` to its host `esx-2`."""
    manager = TakingFakeHost("a", tmp_path / "a")
    manager.kind = "vsphere"
    site = build(tmp_path, monkeypatch, manager, manager)
    monkeypatch.setattr(registry, "connect", lambda spec: manager)
    site.wave["target"] = "a"
    raw = {"id": "disk.format", "reason": "The fake host keeps its disks so."}
    site.wave["machines"][0] |= {"strategy": "live", "mappings": {"host": "esx-2"}, "waive": [raw]}
    return site

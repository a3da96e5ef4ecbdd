"""The only thing that may delete a source: what it asks before, and that no wave comes near it."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fake_host import FakeHost, Killed
from fake_live import LiveFakeHost

from conftest import STAGES, Site, build
from drover.errors import CorruptionError, OperatorNeededError
from drover.evidence.store import MachineStore
from drover.hypervisors.port import Retired
from drover.migration import decommission, intents, returning
from drover.migration.intents import Intent
from drover.migration.outcome import outcome
from drover.model import Ownership, PowerState

ROOT = Path(__file__).parents[3]


class RetiringFakeHost(LiveFakeHost):
    def retire(self, name: str, owner: Ownership) -> Retired:
        self._enter("retire")
        machine = self.known[name]
        assert machine.ownership == owner
        paths = tuple(disk.path for disk in machine.disks)
        for path in paths:
            self.killer.count()
            Path(path).unlink(missing_ok=True)
        self.killer.count()
        del self.known[name]
        return Retired(paths)


@pytest.fixture
def committed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    source, target = RetiringFakeHost("a", tmp_path / "a"), FakeHost("b", tmp_path / "b")
    site = build(tmp_path, monkeypatch, source, target)
    for stage in STAGES:
        site.run(stage)
    return site


def retire(site: Site, *, ticket: str = "t", days: float = 0) -> dict[str, object]:
    with site.move() as move:
        return decommission.run(move, ticket, days)


def approve(site: Site, ticket: str = "t") -> None:
    with site.move() as move:
        decommission.approved(move, ticket, "alice", datetime.now(UTC), "1")


def there(site: Site) -> bool:
    return "web" in site.source.known and all(Path(disk.path).exists() for disk in site.source.known["web"].disks)


def test_the_source_goes_with_its_disks_and_the_target_runs_on(committed: Site) -> None:
    approve(committed)
    images = [disk.path for disk in committed.source.known["web"].disks]

    facts = retire(committed)

    assert "web" not in committed.source.known
    assert not [path for path in images if Path(path).exists()]
    assert committed.target.state("web") is PowerState.RUNNING
    assert (facts["approved_by"], facts["removed"]) == ("alice", images)
    assert len(list(committed.root.glob("backup/**/*.qcow2"))) == 2
    assert retire(committed)["removed"] == images, "twice changes nothing, and says the same"
    assert told(committed) == "moved"


def spoil_backup(site: Site) -> None:
    image = next(site.root.glob("backup/**/vda.qcow2"))
    data = bytearray(image.read_bytes())
    data[len(data) // 2] ^= 1
    image.write_bytes(data)


def other_run(site: Site, host: FakeHost) -> None:
    tag = host.known["web"].ownership
    assert tag is not None
    host.change("web", ownership=Ownership(tag.wave, "another", tag.machine, tag.source_uuid, tag.role))


def take_back(site: Site) -> None:
    with site.move() as move:
        returning.begin(move)


Changes = list[tuple[Callable[[Site], object], str]]


def attach_another(site: Site) -> None:
    disks = site.source.known["web"].disks
    Path(f"{disks[0].path}.more").write_bytes(b"nowhere else")
    site.source.change("web", disks=(*disks, replace(disks[0], name="vdc", path=f"{disks[0].path}.more")))


def write_to_the_source(site: Site) -> None:
    """Somebody started it after the commit, worked with it, and stopped it again."""
    with open(site.source.known["web"].disks[0].path, "r+b") as image:
        image.write(b"only here")


SPOILED: Changes = [
    (attach_another, "it has disks at the source that were not moved"),
    (write_to_the_source, "Disk vda of machine 'web' was written at the source"),
    (lambda site: site.target.change("web", state=PowerState.OFF), "it is off at the target"),
    (lambda site: site.target.known.pop("web"), "what is at the target is not what this run left"),
    (lambda site: other_run(site, site.target), "what is at the target is not what this run left"),
    (lambda site: site.source.change("web", state=PowerState.RUNNING), "it is running at the source"),
    (lambda site: site.source.change("web", uuid="another"), "what is at the source is not what this run left"),
    (lambda site: site.source.change("web", ownership=None), "what is at the source is not what this run left"),
    (lambda site: other_run(site, site.source), "what is at the source is not what this run left"),
    (lambda site: site.source.known.pop("web"), "what is at the source is not what this run left"),
    (spoil_backup, r"is not whole: vda\.qcow2"),
    (lambda site: next(site.root.glob("backup/**/backup.json")).unlink(), "is not there any more"),
    (take_back, "was not committed in run run-1, or is taken back"),
]


def told(site: Site) -> str:
    with site.move() as move:
        return str(outcome(move.store)["state"])


def test_everything_is_asked_again_and_nothing_is_removed(committed: Site) -> None:
    """Also a target that fails its checks, a yes that was never given or is another's, and a day too early."""
    with pytest.raises(OperatorNeededError, match="no person has approved this very decommission"):
        retire(committed)
    approve(committed)
    with pytest.raises(OperatorNeededError, match="no person has approved this very decommission"):
        retire(committed, ticket="another")
    with pytest.raises(OperatorNeededError, match="the commit is not 14 days ago"):
        retire(committed, days=14)
    before = committed.snapshot()
    for change, words in SPOILED:
        change(committed)
        with pytest.raises((OperatorNeededError, CorruptionError), match=words):
            retire(committed)
        assert "retire" not in committed.source.calls
        assert len(list((committed.root / "a").iterdir())) >= 2
        before.restore()
    wave = committed.wave["machines"][0]
    wave |= {"checks": [{"http": {"url": "http://192.0.2.1/", "contains": "another"}}], "boot_deadline": "0.1 s"}
    with pytest.raises(OperatorNeededError, match="it fails at the target"):
        retire(committed)
    assert there(committed)
    assert told(committed) == "moved", "a decommission that was refused makes no failed move"


def test_killed_anywhere_it_goes_on_and_nobody_takes_the_move_back_meanwhile(committed: Site) -> None:
    approve(committed)
    killer = committed.source.killer
    for at in range(1, 60, 2):
        killer.seen, killer.at = 0, at
        try:
            retire(committed)
            break
        except Killed:
            killer.at = 0
        tag = committed.source.known["web"].ownership if "web" in committed.source.known else None
        if tag is None or tag.role == "retiring":
            with committed.move() as move, pytest.raises(OperatorNeededError):
                returning.refuse_gone(move)
    else:
        pytest.fail("it never came to its end")
    assert at > 5
    assert "web" not in committed.source.known
    assert list((committed.root / "a").iterdir()) == []
    with committed.move() as move:
        done = move.store.last("decommission", "passed")
    assert done is not None
    assert len(done.facts["removed"]) == 2, "what a killed try removed stands in the evidence, too"


def test_a_backup_that_went_while_the_rest_was_asked_keeps_the_source(
    committed: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    approve(committed)
    declare = intents.declare

    def late(store: MachineStore, intent: Intent) -> float:
        next(committed.root.glob("backup/**/backup.json")).unlink()
        return declare(store, intent)

    monkeypatch.setattr(intents, "declare", late)
    with pytest.raises(OperatorNeededError, match="is not there any more"):
        retire(committed)
    assert there(committed)
    assert "retire" not in committed.source.calls


def test_a_platform_that_cannot_says_so_plainly(committed: Site) -> None:
    approve(committed)
    committed.source.__class__ = LiveFakeHost

    with pytest.raises(OperatorNeededError, match="Drover cannot remove machines of libvirt yet"):
        retire(committed)
    assert there(committed)
    assert committed.source.known["web"].ownership.role == "migrated"  # type: ignore[union-attr]


# Law 1: no wave's stage comes near it.

MAY_CALL = {
    "include/drover/migration/decommission.py",
    *(f"include/drover/hypervisors/{kind}/hypervisor.py" for kind in ("libvirt", "vsphere", "hyperv")),
}
MAY_IMPORT = {
    "plugins/drover_airflow/operators/decommission.py",
    "plugins/drover_airflow/decommissioning.py",
    "dags/decommission.py",
}


def modules() -> Iterator[tuple[str, ast.AST]]:
    for folder in ("include/drover", "plugins", "dags", "lab/drover_lab"):
        for path in (ROOT / folder).rglob("*.py"):
            yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_bytes())


def test_law_1_only_the_decommission_can_remove_a_source() -> None:
    callers, importers = set(), set()
    for place, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute | ast.Name) and _name(node) == "retire":
                callers.add(place)
            if isinstance(node, ast.Constant) and node.value == "retire":
                callers.add(place)
            if isinstance(node, ast.Import | ast.ImportFrom) and any("decommission" in name for name in _names(node)):
                importers.add(place)
    assert callers == MAY_CALL
    assert importers <= MAY_IMPORT
    assert "plugins/drover_airflow/wave_dag.py" not in importers


def _name(node: ast.Attribute | ast.Name) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id


def _names(node: ast.Import | ast.ImportFrom) -> list[str]:
    module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
    return [f"{module}.{alias.name}" for alias in node.names]


def test_of_a_machine_that_its_platform_took_along_there_is_nothing_to_remove(along: Site) -> None:
    for stage in STAGES:
        along.run(stage)
    approve(along)
    with pytest.raises(OperatorNeededError, match="its platform took it along, so its source has nothing of it"):
        retire(along)
    assert along.target.state("web") is PowerState.RUNNING

"""What is kept, what goes, and that a backup is whole or clearly gone, wherever its removal was killed."""

import json
import shutil
from datetime import datetime
from pathlib import Path

import pytest

from conftest import STAGES, Site
from drover.backups import restore, retention, seal
from drover.backups.retention import REMOVING, Fate
from drover.backups.shelf import FolderShelf, Shelf
from drover.cli import main
from drover.errors import BadInputError
from drover.migration import intents
from drover.migration.alone import alone
from drover.migration.intents import Intent

DAY = 86400.0


@pytest.fixture
def done(site: Site) -> Site:
    """The machine is committed, and its backup is kept for thirty days."""
    site.wave["backup"]["keep"] = "30 days"
    for stage in STAGES:
        site.run(stage)
    return site


def folder(site: Site) -> Path:
    return site.root / "backup" / "unit" / "run-1" / "web"


def look(site: Site, days: float = 0.0) -> tuple[Fate, str]:
    with site.move() as move:
        commit = move.store.last("commit", "passed")
    since = datetime.fromisoformat(commit.time).timestamp() if commit else 0.0
    (found,) = retention.look(str(site.root / "backup"), site.root / "store", since + days * DAY)
    return found.fate, found.why


def prune(site: Site, days: float) -> list[Fate]:
    with site.move() as move:
        since = datetime.fromisoformat(move.store.last("commit", "passed").time).timestamp()
    return [one.fate for one in retention.prune(str(site.root / "backup"), site.root / "store", since + days * DAY)]


def reseal(site: Site, **of: object) -> None:
    facts = seal.read(folder(site))
    assert facts is not None
    del facts["sha256"]
    seal.write(folder(site), facts | {"of": facts["of"] | of})


def test_it_goes_when_its_time_is_over_and_not_before(done: Site) -> None:
    assert prune(done, 29.9) == [Fate.KEPT]
    assert (folder(done) / "vda.qcow2").exists()
    assert prune(done, 30.1) == [Fate.DUE]
    assert not (done.root / "backup" / "unit").exists()
    assert prune(done, 30.1) == []


def test_what_must_stay_stays_whatever_its_age(done: Site) -> None:
    before = done.snapshot()
    reseal(done, taken_along=True)
    assert look(done, 9999) == (Fate.KEPT, "it is all that stayed behind of a machine that its platform took along")
    reseal(done, taken_along=False, keep_seconds=None)
    assert look(done, 9999) == (Fate.KEPT, "its wave does not say for how long")
    reseal(done, keep_seconds=1, run="another")
    assert look(done, 9999) == (Fate.KEPT, "its machine was not committed in its run")
    before.restore()
    with done.move() as move:
        intents.declare(move.store, Intent.RETIRING)
    assert look(done, 9999) == (Fate.KEPT, "the source of its machine is being removed")
    with done.move() as move:
        move.store.record("decommission", "passed", {})
    fate, why = look(done, 29)
    assert (fate, why.endswith("counted from the decommission")) == (Fate.KEPT, True)
    assert look(done, 31)[0] is Fate.DUE
    with done.move() as move:
        move.store.record("rollback", "passed", {})
    assert look(done, 9999) == (Fate.KEPT, "its machine was not committed in its run")


def test_while_a_task_works_at_the_machine_nothing_goes(done: Site) -> None:
    """Such a task may read the backup, or make it anew."""
    with done.move() as move, alone(move):
        assert look(done, 9999) == (Fate.KEPT, "a task works at its machine now")
        assert prune(done, 9999) == [Fate.KEPT]
        (folder(done) / "backup.json").rename(folder(done) / REMOVING)
        assert prune(done, 9999) == [Fate.KEPT]
        assert (folder(done) / REMOVING).exists()
        assert (folder(done) / "vda.qcow2").exists()
    assert prune(done, 9999) == [Fate.GONE]
    assert not folder(done).exists()


def test_each_is_judged_right_before_it_would_go(done: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The removal of others takes a while; what was due when it began may be needed by then."""
    shutil.copytree(folder(done), folder(done).with_name("other"))
    real = retention._remove

    def slow(shelf: Shelf) -> None:
        real(shelf)
        with done.move() as move:
            intents.declare(move.store, Intent.RETIRING)

    monkeypatch.setattr(retention, "_remove", slow)
    assert prune(done, 31) == [Fate.DUE, Fate.KEPT]


def test_a_folder_that_is_not_there_is_no_empty_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("list", "prune"):
        assert main(["backups", command, str(tmp_path / "typo"), "--store", str(tmp_path)]) == 2
        assert f"There is no folder {tmp_path / 'typo'}." in capsys.readouterr().err


def test_an_empty_folder_is_said_to_be_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backups", "list", str(tmp_path), "--store", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "There are no backups.\n"


def test_what_cannot_be_read_is_told_and_kept(done: Site, capsys: pytest.CaptureFixture[str]) -> None:
    place, store = str(done.root / "backup"), str(done.root / "store")
    assert main(["backups", "list", place, "--store", store, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["backups"][0]["state"] == "kept"
    whole = (folder(done) / "backup.json").read_bytes()
    (folder(done) / "backup.json").write_bytes(whole.replace(b'"keep_seconds": 2592000.0', b'"keep_seconds": 1.0'))
    assert look(done, 9999)[0] is Fate.UNKNOWN
    assert main(["backups", "prune", place, "--store", store]) == 1
    assert "unknown" in capsys.readouterr().out
    (folder(done) / "backup.json").write_bytes(whole)
    records = done.root / "store" / "unit" / "run-1" / "web" / "records.jsonl"
    records.write_bytes(records.read_bytes().replace(b"passed", b"failed", 1))
    (found,) = retention.look(place, Path(store), 1e12)
    assert (found.fate, "were altered" in found.why) == (Fate.UNKNOWN, True)
    assert len(list(folder(done).rglob("*.qcow2"))) == 2


def test_a_rehearsal_commits_nothing_and_its_backup_goes_too(site: Site) -> None:
    site.wave["backup"]["keep"] = "30 days"
    site.run_until("transfer")
    place, store = str(site.root / "backup"), site.root / "store"
    assert [one.fate for one in retention.look(place, store, 1e12)] == [Fate.KEPT]
    with site.move() as move:
        move.store.record("rehearsal", "passed", {})
    assert [one.fate for one in retention.look(place, store)] == [Fate.KEPT]
    assert [one.fate for one in retention.look(place, store, 1e12)] == [Fate.DUE]
    with site.move() as move:
        intents.declare(move.store, Intent.BEGUN)
    assert [one.fate for one in retention.look(place, store, 1e12)] == [Fate.KEPT]


class Died(BaseException):
    """The process ended here."""


def test_killed_while_it_is_removed_it_is_whole_or_gone(done: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    before = done.snapshot()
    steps = 0
    for at in range(1, 40):
        before.restore()
        steps = 0

        def step(of: str, real: object, at: int = at) -> object:
            def counted(*given: object) -> object:
                nonlocal steps
                steps += 1
                if steps == at:
                    raise Died
                return real(*given)  # type: ignore[operator]

            return counted

        with monkeypatch.context() as dying:
            for name in ("write", "remove", "tidy"):
                dying.setattr(FolderShelf, name, step(name, getattr(FolderShelf, name)))
            try:
                prune(done, 31)
                break
            except Died:
                pass
        if (folder(done) / "backup.json").exists():
            facts = seal.read(folder(done))
            assert facts is not None
            assert seal.altered(folder(done), facts, images=True) == [], at
            assert prune(done, 29) == [Fate.KEPT]
            assert not (folder(done) / REMOVING).exists(), "nobody removes it any more"
        else:
            with pytest.raises(BadInputError, match="There is no finished backup"):
                restore.restore(done.target, FolderShelf(folder(done)), progress=lambda _: None)
            prune(done, 0)
            assert not [path for path in (done.root / "backup").rglob("*") if path.is_file()], at
    else:
        pytest.fail("it never came to its end")
    assert at > 8

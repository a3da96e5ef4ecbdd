"""`./drover restore`: a backup as a machine again, and what refuses to become one."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_host import FakeHost, Killed

from conftest import Site
from drover.backups import restore, seal
from drover.backups.restore import Restored
from drover.backups.shelf import FolderShelf
from drover.errors import BadInputError, CorruptionError, OperatorNeededError, RetryableError
from drover.hypervisors.port import TargetSettings
from drover.model import PowerState


@pytest.fixture
def backup(site: Site) -> Path:
    site.run_until("transfer")
    (folder,) = site.root.glob("backup/unit/run-1/web")
    return folder


@pytest.fixture
def other(tmp_path: Path) -> FakeHost:
    return FakeHost("c", tmp_path / "c")


def bring_back(there: FakeHost, folder: Path, **options: object) -> Restored:
    return restore.restore(there, FolderShelf(folder), progress=lambda _: None, **options)  # type: ignore[arg-type]


def contents(host: FakeHost, name: str) -> list[bytes]:
    return [Path(disk.path).read_bytes() for disk in host.known[name].disks]


def test_the_machine_is_as_it_was_but_off(site: Site, backup: Path, other: FakeHost) -> None:
    done = bring_back(other, backup)

    made, before = other.known["web"], site.source.known["web"]
    assert contents(other, "web") == contents(site.source, "web")
    assert (made.state, made.autostart, made.uuid, made.nics) == (PowerState.OFF, False, before.uuid, before.nics)
    assert made.ownership is not None
    assert (made.ownership.wave, made.ownership.role) == (".restore", "restored")
    assert other.started == []
    assert done.digests == seal.read(backup)["digests"]  # type: ignore[index]


def test_under_another_name_it_is_another_machine_on_other_networks(
    backup: Path, other: FakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[TargetSettings] = []
    define = other.define
    monkeypatch.setattr(other, "define", lambda machine, settings: asked.append(settings) or define(machine, settings))

    done = bring_back(other, backup, name="web-2", networks={"production": "isolated"}, host="c-1")

    assert (done.machine.name, list(other.known)) == ("web-2", ["web-2"])
    assert done.machine.uuid != done.of["uuid"]
    assert (asked[0].networks, asked[0].host) == ({"production": "isolated"}, "c-1")
    assert set(asked[0].storage.values()) == {"default"}


def test_one_wrong_byte_anywhere_is_refused_before_anything_is_made(backup: Path, other: FakeHost) -> None:
    files = [path for path in backup.rglob("*") if path.is_file()]
    assert {"vda.qcow2", "vda.parquet", "machine.json", "definition.native", "backup.json"} <= {f.name for f in files}
    for file in files:
        whole = file.read_bytes()
        for place in (0.0, 0.1, 0.5, 0.9, 1.0):
            data = bytearray(whole)
            data[min(int(len(data) * place), len(data) - 1)] ^= 1
            file.write_bytes(data)
            with pytest.raises(CorruptionError, match=r"is not whole|cannot be read, or was altered"):
                bring_back(other, backup)
        file.write_bytes(whole)
    assert "define" not in other.calls
    bring_back(other, backup)
    assert list(other.known) == ["web"], "whole again, it is taken"


def test_a_seal_without_its_digest_is_none(backup: Path, other: FakeHost) -> None:
    facts = json.loads((backup / "backup.json").read_text())
    del facts["sha256"]
    (backup / "backup.json").write_text(json.dumps(facts))

    with pytest.raises(CorruptionError, match=r"backup\.json cannot be read, or was altered"):
        bring_back(other, backup)


def test_a_seal_may_not_name_files_elsewhere(tmp_path: Path) -> None:
    for name in ("../outside", "/etc/passwd", "a/../../b", ""):
        seal.write(tmp_path, {"files": {name: {}}})
        with pytest.raises(CorruptionError):
            seal.read(tmp_path)
    seal.write(tmp_path, {"files": {"a/b": {}}})
    assert seal.read(tmp_path) is not None


def test_what_is_no_finished_backup_is_told(backup: Path, other: FakeHost) -> None:
    (backup / "backup.json").unlink()
    for folder in (backup, backup / "nothing", backup / "machine.json"):
        with pytest.raises(BadInputError, match="There is no finished backup in"):
            bring_back(other, folder)


def test_a_name_that_is_taken_is_refused(site: Site, backup: Path, other: FakeHost) -> None:
    with pytest.raises(OperatorNeededError, match=r"There is a machine 'web' already\. Restore it under another name"):
        bring_back(site.source, backup)
    bring_back(other, backup)
    with pytest.raises(OperatorNeededError, match="There is a machine 'web' already"):
        bring_back(other, backup)
    assert "remove" not in other.calls


def test_a_name_with_a_line_break_is_refused_before_anything_is_made(backup: Path, other: FakeHost) -> None:
    with pytest.raises(BadInputError, match=r"No machine can be named 'two\\nlines': that has a line break"):
        bring_back(other, backup, name="two\nlines")
    assert "define" not in other.calls


def test_a_killed_restore_is_repeated(site: Site, backup: Path, other: FakeHost) -> None:
    for at in range(1, 60):
        other.killer.seen, other.killer.at = 0, at
        try:
            bring_back(other, backup)
            break
        except Killed:
            continue
    else:
        pytest.fail("it never came to its end")
    assert at > 5
    assert contents(other, "web") == contents(site.source, "web")


def test_what_an_unfinished_restore_of_another_backup_left_is_made_anew(
    site: Site, backup: Path, other: FakeHost
) -> None:
    other.break_at("write_disks", RetryableError("The host is away.", remedy="Wait."))
    with pytest.raises(RetryableError):
        bring_back(other, backup)
    facts = seal.read(backup)
    assert facts is not None
    seal.write(backup, {key: value for key, value in facts.items() if key != "sha256"} | {"seconds": 1.5})

    bring_back(other, backup)

    assert "remove" in other.calls
    assert contents(other, "web") == contents(site.source, "web")


# Law 2: the original is asked, and what is found is told.


def test_the_originals_state_is_told(site: Site, backup: Path, other: FakeHost) -> None:
    done = bring_back(other, backup)
    hosts = {"a": site.source, "b": site.target}

    assert restore.originals(done, hosts.__getitem__) == [restore.Original("a", PowerState.RUNNING)]

    site.source.gone = True
    (unknown,) = restore.originals(done, hosts.__getitem__)
    assert (unknown.connection, unknown.state) == ("a", None)
    assert "does not answer" in unknown.why


def test_a_stranger_of_that_name_and_the_restored_one_are_no_originals(
    site: Site, backup: Path, other: FakeHost
) -> None:
    done = bring_back(other, backup)
    site.source.change("web", uuid="another")
    hosts: dict[str, FakeHost] = {"a": site.source, "b": other}

    assert restore.originals(done, hosts.__getitem__) == []


@pytest.fixture
def command(site: Site, backup: Path, monkeypatch: pytest.MonkeyPatch, other: FakeHost) -> Callable[..., int]:
    from drover.cli import main
    from drover.hypervisors import connection, registry
    from drover.hypervisors.connection import ConnectionSpec

    hosts = {"a": site.source, "b": site.target, "c": other}
    monkeypatch.setattr(connection, "resolve", lambda conn_id: ConnectionSpec(conn_id, "libvirt", conn_id))
    monkeypatch.setattr(registry, "connect", lambda spec: hosts[spec.id])
    return lambda *options: main(["restore", str(backup), "--to", "c", *options])


def test_the_command_says_that_they_must_not_run_together(
    command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert command() == 0
    words = capsys.readouterr().out
    assert "Made machine 'web' on c, off; every disk was read back." in words
    assert "The original is running at connection 'a'." in words
    assert "never let the two run at the same time" in words
    assert command() == 2
    assert "There is a machine 'web' already." in capsys.readouterr().err


def test_the_command_as_json(command: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert command("--json", "--name", "new", "--network", "production=isolated", "--storage", "default") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["name"], told["host"]) == ("new", "c")
    assert (told["backup"]["wave"], told["backup"]["machine"]) == ("unit", "web")
    assert set(told["digests"]) == {"vda", "vdb"}
    assert told["originals"] == [{"connection": "a", "state": "running", "why": ""}]

"""A bundle, altered in every way that an auditor must be told of."""

import hashlib
import io
import json
import random
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from recorded import recorded

from drover.cli import main
from drover.errors import BadInputError, CorruptionError, OperatorNeededError
from drover.evidence.audit import audit
from drover.evidence.bundle import bundle, canonical, member
from drover.evidence.keys import fingerprint, public_bytes, signing_key
from drover.evidence.store import RunStore

Parts = dict[str, bytes]
RECORDS = "files/web/records.jsonl"


@pytest.fixture
def run(tmp_path: Path) -> RunStore:
    return recorded(tmp_path)


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "signing.key"


@pytest.fixture
def made(run: RunStore, key: Path, tmp_path: Path) -> Path:
    return bundle(run, tmp_path / "run.tar", key).path


def check(path: Path, *options: str) -> int:
    return main(["audit", "verify", str(path), *options])


def unpack(path: Path) -> Parts:
    with tarfile.open(path) as archive:
        return {info.name: archive.extractfile(info).read() for info in archive}  # type: ignore[union-attr]


def pack(path: Path, parts: Parts) -> Path:
    path.write_bytes(b"".join(member(name, data) for name, data in parts.items()) + bytes(1024))
    return path


def test_an_untouched_bundle_is_intact(made: Path, key: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(made) == 0
    assert "Intact: wave demo" in capsys.readouterr().out
    assert check(made, "--key", fingerprint(public_bytes(signing_key(key).public_key()))) == 0
    assert check(made, "--json") == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["intact"] is True


def test_the_same_parts_packed_in_our_own_way_are_intact(made: Path) -> None:
    """So that what the other tests alter is what they mean to alter."""
    before = made.read_bytes()

    assert pack(made, unpack(made)).read_bytes() == before


def change(name: str, old: bytes, new: bytes) -> Callable[[Parts], Parts]:
    def alter(parts: Parts) -> Parts:
        assert old in parts[name]
        return parts | {name: parts[name].replace(old, new)}

    return alter


def lines(edit: Callable[[list[bytes]], list[bytes]]) -> Callable[[Parts], Parts]:
    return lambda parts: parts | {RECORDS: b"".join(edit(parts[RECORDS].splitlines(keepends=True)))}


ALTERATIONS: dict[str, tuple[Callable[[Parts], Parts], str]] = {
    "a file changed": (change("files/web/machine.json", b"web", b"wob"), "The file 'web/machine.json' was changed."),
    "a file removed": (
        lambda parts: {name: data for name, data in parts.items() if name != "files/web/machine.json"},
        "The file 'web/machine.json' is missing.",
    ),
    "a file added": (lambda parts: {"files/web/new": b"x"} | parts, "The file 'web/new' was added."),
    "a stranger added": (lambda parts: {"readme": b"x"} | parts, "'readme' was added"),
    "a record changed": (
        change(RECORDS, b'"step":"backup"', b'"step":"backUp"'),
        "The records of machine 'web' were altered: Record 3 does not follow record 2",
    ),
    "the last record changed": (
        change(RECORDS, b'"step":"transfer"', b'"step":"transfEr"'),
        "The records of machine 'web' are not those that were signed.",
    ),
    "a record removed": (lines(lambda all_: [all_[0], all_[2]]), "Record 2 is missing or out of order"),
    "the last records removed": (
        lines(lambda all_: all_[:1]),
        "The last 2 of 3 records of machine 'web' were removed.",
    ),
    "records reordered": (lines(lambda all_: [all_[0], all_[2], all_[1]]), "Record 2 is missing or out of order"),
    "all records removed": (
        lambda parts: {name: data for name, data in parts.items() if name != RECORDS},
        "The records of machine 'web' are missing.",
    ),
    "the manifest changed": (change("manifest.json", b'"wave": "demo"', b'"wave": "prod"'), "The manifest was altered"),
    "the manifest broken": (change("manifest.json", b"{", b"["), "The manifest was altered: it cannot be read."),
    "the manifest removed": (
        lambda parts: {name: data for name, data in parts.items() if name != "manifest.json"},
        "The manifest is missing.",
    ),
    "the signature removed": (
        lambda parts: {name: data for name, data in parts.items() if name != "signature.json"},
        "The signature is missing.",
    ),
    "the signature broken": (change("signature.json", b'"public_key": "', b'"public_key": "?'), "it cannot be read"),
    "the signature changed": (change("signature.json", b'"manifest": "', b'"manifest": "0'), "The signature is wrong"),
    "packed in another order": (
        lambda parts: dict(sorted(parts.items(), reverse=True)),
        "The bytes of the archive are not those that were signed.",
    ),
}


@pytest.mark.parametrize("what", ALTERATIONS)
def test_each_alteration_is_told(made: Path, what: str, capsys: pytest.CaptureFixture[str]) -> None:
    alter, expected = ALTERATIONS[what]
    pack(made, alter(unpack(made)))

    assert check(made) == 1
    assert expected in capsys.readouterr().out


def rewritten(parts: Parts) -> Parts:
    """A record altered, and all digests after it made anew: only the signature is beyond a forger."""
    from drover.evidence.chain import read_chain

    parts = lines(lambda all_: all_[:2])(parts)
    data = parts[RECORDS]
    manifest = json.loads(parts["manifest.json"])
    manifest["files"]["web/records.jsonl"] = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    manifest["machines"]["web/records.jsonl"] |= {"records": 2, "head": read_chain(data).head}
    return parts | {"manifest.json": canonical(manifest)}


def test_a_forger_without_the_key_is_told(made: Path) -> None:
    pack(made, rewritten(unpack(made)))

    assert audit(made).problems == (
        "The manifest was altered after it was signed.",
        "The bytes of the archive are not those that were signed.",
    )


def test_a_forger_with_a_key_of_his_own_is_told_to_who_knows_ours(
    run: RunStore, made: Path, key: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ours = audit(made).key
    forged = bundle(run, tmp_path / "forged.tar", tmp_path / "other.key").path

    assert check(forged) == 0
    assert "a bundle can carry any key" in capsys.readouterr().out
    assert check(forged, "--key", ours) == 1
    assert f"not with {ours}" in capsys.readouterr().out


def test_no_byte_can_be_changed_unseen(made: Path) -> None:
    whole = made.read_bytes()
    places = random.Random(1).sample(range(len(whole)), 300)

    unseen = []
    for place in [0, len(whole) - 1, *places]:
        made.write_bytes(whole[:place] + bytes([whole[place] ^ 0x20]) + whole[place + 1 :])
        if not audit(made).problems:
            unseen.append(place)

    assert unseen == []


@pytest.mark.parametrize(
    "change", [lambda data: data[: len(data) // 2], lambda data: data + b"\0", lambda data: data[:-1]]
)
def test_another_length_is_told(made: Path, change: Callable[[bytes], bytes]) -> None:
    made.write_bytes(change(made.read_bytes()))

    assert check(made) == 1


def test_a_file_that_is_there_twice_is_told(made: Path) -> None:
    data = member("files/web/machine.json", b"{}") + made.read_bytes()
    made.write_bytes(data)

    assert "'files/web/machine.json' is in the archive twice." in audit(made).problems


@pytest.mark.parametrize("content", [b"", b"hello", None])
def test_what_is_no_bundle_is_told_apart(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "x.tar"
    if content is not None:
        path.write_bytes(content)
    assert check(path) == 2

    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("holiday.jpg"))
    path.write_bytes(buffer.getvalue())
    assert check(path) == 2


def test_the_command_bundles_a_run_and_makes_a_key_for_its_owner_alone(
    run: RunStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DROVER_SIGNING_KEY", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    out = tmp_path / "out.tar"

    assert main(["audit", "bundle", str(run.folder), str(out)]) == 0
    first = audit(out).key
    assert f"Made a new signing key, {tmp_path / 'config' / 'drover' / 'signing.key'}" in capsys.readouterr().err
    assert main(["audit", "bundle", str(run.folder), str(out)]) == 0
    assert capsys.readouterr().err == ""
    assert main(["audit", "key"]) == 0

    assert audit(out).key == first == capsys.readouterr().out.splitlines()[0]
    file = tmp_path / "config" / "drover" / "signing.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert b"PRIVATE KEY" in file.read_bytes()
    assert b"PRIVATE KEY" not in out.read_bytes()
    assert check(out) == 0


@pytest.mark.parametrize("by_option", [True, False])
def test_a_key_that_was_named_is_made_only_when_it_is_asked_for(
    run: RunStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], by_option: bool
) -> None:
    file, out = tmp_path / "signing.key", tmp_path / "out.tar"
    monkeypatch.setenv("DROVER_SIGNING_KEY", str(tmp_path / "other.key" if by_option else file))
    option = ["--key-file", str(file)] if by_option else []

    assert main(["audit", "key", *option]) == 2
    assert main(["audit", "bundle", str(run.folder), str(out), *option]) == 2
    assert f"There is no signing key {file}, which" in capsys.readouterr().err
    assert not file.exists()
    assert not out.exists()

    assert main(["audit", "key", "--new", *option]) == 0
    shown = capsys.readouterr()
    assert shown.out.splitlines()[0] in shown.err
    assert main(["audit", "key", "--new", *option]) == 2
    assert main(["audit", "bundle", str(run.folder), str(out), *option]) == 0
    assert audit(out).key == shown.out.splitlines()[0]


def test_no_folder_is_made_for_a_key_that_was_named(tmp_path: Path) -> None:
    assert main(["audit", "key", "--new", "--key-file", str(tmp_path / "no" / "signing.key")]) == 2
    assert not (tmp_path / "no").exists()


def test_what_cannot_be_bundled_is_told(run: RunStore, tmp_path: Path, key: Path) -> None:
    out = tmp_path / "out.tar"

    assert main(["audit", "bundle", str(tmp_path), str(out)]) == 2
    assert main(["audit", "bundle", str(run.folder), str(tmp_path / "no" / "out.tar")]) == 2
    assert check(tmp_path, "--key", "nonsense") == 2
    with pytest.raises(BadInputError, match="inside the evidence"):
        bundle(run, out, run.folder / "signing.key")
    assert not (run.folder / "signing.key").exists()
    with pytest.raises(BadInputError, match="inside the evidence"):
        bundle(run, run.folder / "out.tar", key)
    with pytest.raises(BadInputError, match="no evidence"):
        bundle(RunStore(tmp_path, "demo", "other"), out, key)
    assert not out.exists()


def test_altered_records_are_not_bundled(run: RunStore, tmp_path: Path, key: Path) -> None:
    records = run.machine("web").folder / "records.jsonl"
    records.write_bytes(records.read_bytes().replace(b"backup", b"BACKUP"))

    with pytest.raises(CorruptionError, match="altered"):
        bundle(run, tmp_path / "out.tar", key)


def test_a_key_that_others_can_read_or_that_is_none_is_refused(key: Path) -> None:
    signing_key(key)
    key.chmod(0o640)
    with pytest.raises(OperatorNeededError, match="read by others"):
        signing_key(key)

    key.chmod(0o600)
    key.write_text("nonsense")
    with pytest.raises(OperatorNeededError, match="no Ed25519 key"):
        signing_key(key)

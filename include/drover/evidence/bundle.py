"""A run's evidence in one file that an auditor can check: a plain tar, signed as a whole.

    files/<...>       every file of the run, as it lay in its folder; files/.wave.json is the wave as the run read it
    manifest.json     size and SHA-256 of each file, and the head of each machine's record chain
    signature.json    Ed25519 over the digests of the manifest and of all bytes before this member

The tar is written in one canonical way (sorted, fixed owner, mode and time), so that not a byte of it can be changed
unseen; any tar can unpack it. The private key is never in it, the public key is.
"""

import base64
import hashlib
import io
import json
import os
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from drover import __version__
from drover.errors import BadInputError, CorruptionError
from drover.evidence.chain import read_chain
from drover.evidence.files import sync_folder
from drover.evidence.keys import fingerprint, public_bytes, signing_key
from drover.evidence.store import PROGRESS, PROOFS, RECORDS, MachineStore, RunStore, wave_as_read

FORMAT = 1
FILES = "files/"
WAVE = ".wave.json"
MANIFEST = "manifest.json"
SIGNATURE = "signature.json"
PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Bundled:
    """What went into a bundle. :param key: fingerprint of the key that signed it."""

    path: Path
    files: int
    records: int
    key: str


def bundle(run: RunStore, out: Path, key_file: Path) -> Bundled:
    """Writes the bundle of a run; an earlier file of this name is replaced only by a whole one.

    :raises CorruptionError: the records of a machine were altered. :raises BadInputError: there is nothing to bundle.
    """
    machines = run.machines()
    if not machines:
        raise BadInputError(
            f"There is no evidence of any machine in {run.folder}.", remedy="Name the folder of a run that began."
        )
    for what, path in (("signing key", key_file), ("bundle", out)):
        if path.resolve().is_relative_to(run.folder.resolve()):
            raise BadInputError(f"The {what} {path} would lie inside the evidence itself.", remedy="Keep it elsewhere.")
    key = signing_key(key_file)
    try:
        manifest = _write(run, machines, out, key)
    except OSError as error:
        raise BadInputError(
            f"The bundle {out} cannot be written: {error.strerror}.", remedy="Name another file for it."
        ) from None
    records = sum(machine["records"] for machine in manifest["machines"].values())
    return Bundled(out, len(manifest["files"]), records, fingerprint(public_bytes(key.public_key())))


def _write(run: RunStore, machines: list[MachineStore], out: Path, key: Any) -> dict[str, Any]:
    handle, temporary = tempfile.mkstemp(dir=out.parent, prefix=f".{out.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "w+b") as file:
            manifest = _write_files(file, run, machines)
            _write_signature(file, manifest, key)
            file.flush()
            os.fchmod(file.fileno(), 0o644)
            os.fsync(file.fileno())
        os.replace(temporary, out)
        sync_folder(out.parent)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return manifest


def _write_files(file: IO[bytes], run: RunStore, machines: list[MachineStore]) -> dict[str, Any]:
    """Each file is read once: the bytes that are digested are the bytes that are written."""
    files: dict[str, Any] = {}
    heads: dict[str, Any] = {}
    vouched: dict[str, str] = {}
    for path, name in _evidence(run):
        data = _read(path)
        files[name] = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        file.write(member(FILES + name, data))
        for machine in machines:
            if path == machine.folder / RECORDS:
                heads[name] = _head(machine, data)
                vouched |= _vouched(machine, data)
    _refuse_others(files, vouched)
    manifest = {
        "format": FORMAT,
        "drover": __version__,
        "wave": run.wave,
        "run": run.run,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "machines": heads,
        "files": files,
    }
    file.write(member(MANIFEST, canonical(manifest)))
    return manifest


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInputError(
            f"The evidence {path} cannot be read: {error.strerror}.", remedy="Bundle as the user whom it belongs to."
        ) from None


def _evidence(run: RunStore) -> Iterator[tuple[Path, str]]:
    """Every plain file but locks, progress and what a killed writer left. Links are not followed."""
    folder = run.folder
    read = wave_as_read(folder.parent.parent, run.wave, run.run)
    if read.is_file():
        yield read, WAVE  # no machine's folder can have this name
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        passing = path.name in (".lock", PROGRESS) or (path.name.startswith(".") and path.name.endswith(".tmp"))
        if path.is_file() and not path.is_symlink() and not passing:
            yield path, name


def _vouched(machine: MachineStore, data: bytes) -> dict[str, str]:
    """The digests of the files that the last word of a step vouches for. One that began anew writes them anew.

    What is noted beside the steps vouches for files that nothing writes again.
    """
    records = read_chain(data).records
    last = {record.step: record for record in records if record.outcome != "info" or record.facts.get("begins")}
    proofs = [record.facts.get(PROOFS, {}) for record in last.values() if record.outcome == "passed"]
    proofs += [record.facts.get(PROOFS, {}) for record in records if record.outcome == "info"]
    return {f"{machine.folder.name}/{name}": digest for proof in proofs for name, digest in proof.items()}


def _refuse_others(files: dict[str, Any], vouched: dict[str, str]) -> None:
    """:raises CorruptionError: a file is not the one that a record vouches for."""
    for name, digest in vouched.items():
        if name not in files or files[name]["sha256"] != digest:
            what = "was altered" if name in files else "is missing"
            raise CorruptionError(
                f"The file '{name}' {what}: a record has its digest.",
                remedy="A bundle would not mend this; keep the folder for whoever looks into it.",
            )


def _head(machine: MachineStore, data: bytes) -> dict[str, Any]:
    chain = read_chain(data)
    if chain.problems:
        raise CorruptionError(
            f"The records of machine '{machine.name}' were altered: {chain.problems[0]}",
            remedy="A bundle would not mend this; keep the folder for whoever looks into it.",
        )
    return {"machine": machine.name, "records": len(chain.records), "head": chain.head}


def _write_signature(file: IO[bytes], manifest: dict[str, Any], key: Any) -> None:
    archive = digest_of(file, file.tell())
    statement = {"archive": archive, "manifest": hashlib.sha256(canonical(manifest)).hexdigest()}
    public = public_bytes(key.public_key())
    signed = {
        "algorithm": "Ed25519",
        "public_key": base64.b64encode(public).decode(),
        "fingerprint": fingerprint(public),
        "statement": statement,
        "signature": base64.b64encode(key.sign(canonical(statement))).decode(),
    }
    file.seek(0, io.SEEK_END)
    file.write(member(SIGNATURE, canonical(signed)) + bytes(2 * tarfile.BLOCKSIZE))


def canonical(value: Any) -> bytes:
    """The one way in which we write JSON that is signed."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1).encode()


def member(name: str, data: bytes) -> bytes:
    """A file in the archive: header, content, padding. The only way in which we write one."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    info.mode = 0o644
    header = info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
    return header + data + bytes(-len(data) % tarfile.BLOCKSIZE)


def digest_of(file: IO[bytes], length: int) -> str:
    """SHA-256 of the first bytes of a file."""
    hasher = hashlib.sha256()
    file.seek(0)
    while length > 0 and (piece := file.read(min(PIECE, length))):
        hasher.update(piece)
        length -= len(piece)
    return hasher.hexdigest()

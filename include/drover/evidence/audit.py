"""Whether a bundle is as it was signed, and if not, what was altered. Nothing is unpacked."""

import base64
import hashlib
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from drover.errors import BadInputError
from drover.evidence.bundle import FILES, FORMAT, MANIFEST, PIECE, SIGNATURE, canonical, digest_of, member
from drover.evidence.chain import Chain, read_chain
from drover.evidence.keys import fingerprint
from drover.evidence.store import RECORDS
from drover.model import from_json

_TAIL = 1 << 16
_SIGNED = {"algorithm", "public_key", "fingerprint", "statement", "signature"}


@dataclass(frozen=True, slots=True)
class Audit:
    """:param problems: sentences; none means intact. :param key: fingerprint of the key that the bundle carries."""

    wave: str
    run: str
    machines: int
    records: int
    files: int
    key: str
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _File:
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class _Head:
    machine: str
    records: int
    head: str


@dataclass(frozen=True, slots=True)
class _Manifest:
    format: int = FORMAT
    drover: str = ""
    wave: str = ""
    run: str = ""
    made: str = ""
    machines: dict[str, _Head] = field(default_factory=dict)
    files: dict[str, _File] = field(default_factory=dict)


@dataclass(slots=True)
class _Found:
    """What the archive holds. :param parts: manifest and signature. :param signed: bytes before the signature."""

    files: dict[str, _File] = field(default_factory=dict)
    chains: dict[str, Chain] = field(default_factory=dict)
    parts: dict[str, bytes] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    signed: int = 0
    key: str = ""


def audit(path: Path, required_key: str | None = None) -> Audit:
    """Reads the whole bundle.

    :param required_key: the fingerprint that must have signed it. Without it, the bundle is checked against the key
        that it carries itself, which whoever alters everything can replace.
    :raises BadInputError: it is no bundle.
    """
    try:
        with open(path, "rb") as file:
            found = _read(file)
            if not found.files and not found.parts and not _ends_like_one(file):
                raise _no_bundle(path)
            found.problems += _signature(file, found, required_key)
    except OSError as error:
        raise BadInputError(f"{path} cannot be read: {error.strerror}.", remedy="Name a bundle's file.") from None
    manifest = _manifest(found)
    found.problems += [*_compare_files(found, manifest), *_compare_chains(found, manifest)]
    return Audit(
        wave=manifest.wave,
        run=manifest.run,
        machines=len(manifest.machines),
        records=sum(len(chain.records) for chain in found.chains.values()),
        files=len(found.files),
        key=found.key,
        problems=tuple(dict.fromkeys(found.problems)),
    )


def _no_bundle(path: Path) -> BadInputError:
    return BadInputError(f"{path} is no evidence bundle.", remedy="Name a file that 'drover audit bundle' wrote.")


def _ends_like_one(file: IO[bytes]) -> bool:
    """A bundle whose very first bytes were altered reads as no archive at all; its end still tells it."""
    file.seek(max(0, file.seek(0, 2) - _TAIL))
    tail = file.read()
    return SIGNATURE.encode() in tail and b'"statement"' in tail


def _read(file: IO[bytes]) -> _Found:
    found = _Found()
    try:
        with tarfile.open(fileobj=file, mode="r:") as archive:
            for info in archive:
                _take(archive, info, found)
    except (tarfile.TarError, EOFError, ValueError) as error:
        found.problems.append(f"The archive cannot be read to its end ({type(error).__name__}).")
    return found


def _take(archive: tarfile.TarFile, info: tarfile.TarInfo, found: _Found) -> None:
    content = archive.extractfile(info) if info.isreg() else None
    name = info.name.removeprefix(FILES)
    if content is None or (name == info.name and name not in (MANIFEST, SIGNATURE)):
        found.problems.append(f"'{info.name}' was added: no bundle holds such a thing.")
    elif info.name in found.parts or (name != info.name and name in found.files):
        found.problems.append(f"'{info.name}' is in the archive twice.")
    elif name == info.name:
        found.parts[name] = content.read()
        found.signed = info.offset if name == SIGNATURE else found.signed
    elif name.rpartition("/")[2] == RECORDS:
        data = content.read()
        found.files[name] = _File(len(data), hashlib.sha256(data).hexdigest())
        found.chains[name] = read_chain(data)
    else:
        found.files[name] = _digested(content)


def _digested(content: IO[bytes]) -> _File:
    hasher, size = hashlib.sha256(), 0
    while piece := content.read(PIECE):
        hasher.update(piece)
        size += len(piece)
    return _File(size, hasher.hexdigest())


def _manifest(found: _Found) -> _Manifest:
    data = found.parts.get(MANIFEST)
    if data is None:
        found.problems.append("The manifest is missing.")
        return _Manifest()
    try:
        manifest = from_json(_Manifest, json.loads(data))
    except ValueError:
        found.problems.append("The manifest was altered: it cannot be read.")
        return _Manifest()
    if manifest.format > FORMAT:
        raise BadInputError(
            f"The bundle has format {manifest.format}, and this Drover knows {FORMAT}.",
            remedy=f"Check it with Drover {manifest.drover} or newer.",
        )
    return manifest


def _signature(file: IO[bytes], found: _Found, required_key: str | None) -> Iterator[str]:
    data = found.parts.get(SIGNATURE)
    if data is None:
        yield "The signature is missing."
        return
    try:
        signed = json.loads(data)
        public = base64.b64decode(signed["public_key"], validate=True)
        signature = base64.b64decode(signed["signature"], validate=True)
        statement = {key: str(signed["statement"][key]) for key in ("archive", "manifest")}
        right = _verifies(public, signature, canonical(statement))
    except (ValueError, KeyError, TypeError):
        yield "The signature was altered: it cannot be read."
        return
    found.key = fingerprint(public)
    if not right:
        yield "The signature is wrong: it was not made for this bundle with the key that the bundle carries."
    if required_key is not None and found.key != required_key:
        yield f"The bundle is signed with the key {found.key}, not with {required_key}."
    if hashlib.sha256(found.parts.get(MANIFEST, b"")).hexdigest() != statement["manifest"]:
        yield "The manifest was altered after it was signed."
    yield from _bytes(file, found, data, signed, statement["archive"])


def _verifies(public: bytes, signature: bytes, statement: bytes) -> bool:
    """:raises ValueError: that is no public key."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, statement)
    except InvalidSignature:
        return False
    return True


def _bytes(file: IO[bytes], found: _Found, data: bytes, signed: dict[str, Any], archive: str) -> Iterator[str]:
    """Every byte counts: those before the signature are signed, the rest can only be in one way."""
    if digest_of(file, found.signed) != archive:
        yield "The bytes of the archive are not those that were signed."
    file.seek(found.signed)
    rest = file.read(len(data) + _TAIL)
    if canonical(signed) != data or signed.get("fingerprint") != found.key or set(signed) != _SIGNED:
        yield "The signature was altered: it is not written as Drover writes it."
    elif rest != member(SIGNATURE, data) + bytes(2 * tarfile.BLOCKSIZE):
        yield "Something was changed or added behind the signature."


def _compare_files(found: _Found, manifest: _Manifest) -> Iterator[str]:
    for name, listed in manifest.files.items():
        if name not in found.files:
            yield f"The file '{name}' is missing."
        elif found.files[name] != listed:
            yield f"The file '{name}' was changed."
    for name in found.files:
        if name not in manifest.files:
            yield f"The file '{name}' was added."


def _compare_chains(found: _Found, manifest: _Manifest) -> Iterator[str]:
    for name, chain in found.chains.items():
        head = manifest.machines.get(name)
        who = f"machine '{head.machine}'" if head else f"'{name}'"
        for problem in chain.problems:
            yield f"The records of {who} were altered: {problem}"
        if head is None or chain.problems:
            continue
        if len(chain.records) < head.records:
            yield f"The last {head.records - len(chain.records)} of {head.records} records of {who} were removed."
        elif chain.head != head.head:
            yield f"The records of {who} are not those that were signed."
    for name in manifest.machines.keys() - found.chains.keys():
        yield f"The records of machine '{manifest.machines[name].machine}' are missing."

"""The key that signs evidence bundles: Ed25519, kept outside the evidence in a file of mode 0600.

Made on first use where nobody named a file; a file that somebody named is only ever made when it is asked for, because
a mistyped name would else sign with a key that nobody knows.
"""

import base64
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from drover.errors import BadInputError, OperatorNeededError
from drover.evidence.files import locked, write_durably

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

KEY_VARIABLE = "DROVER_SIGNING_KEY"


def default_key_file() -> Path:
    """`$DROVER_SIGNING_KEY`, or `drover/signing.key` in the user's configuration folder."""
    if named := os.environ.get(KEY_VARIABLE):
        return Path(named)
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "drover" / "signing.key"


@contextmanager
def key_file(named: Path | None, tell: Callable[[str], None], *, new: bool = False) -> Iterator[Path]:
    """The file of the key to sign with; what is made of it meanwhile is told at the end.

    :param named: None for `default_key_file`. :param new: make one there. :param tell: takes a line of text.
    :raises BadInputError: somebody named a file that is not there, or a new one is asked for where there is one.
    """
    path = named or default_key_file()
    by = "--key-file" if named else KEY_VARIABLE if os.environ.get(KEY_VARIABLE) else ""
    found = os.path.exists(path)
    if found and new:
        raise BadInputError(f"There is a signing key {path} already.", remedy="Name another file for a new one.")
    if not found and not new and by:
        raise BadInputError(
            f"There is no signing key {path}, which {by} names.",
            remedy="Correct the path, or make one there with 'drover audit key --new'.",
        )
    if not found and by and not path.parent.is_dir():
        raise BadInputError(f"There is no folder {path.parent}.", remedy="Make it first, or correct the path.")
    try:
        yield path
    finally:
        if not found and os.path.exists(path):
            told = fingerprint(public_bytes(signing_key(path).public_key()))
            tell(f"Made a new signing key, {path}. Write its fingerprint down elsewhere: {told}")


def signing_key(path: Path) -> "Ed25519PrivateKey":
    """The key in this file, made where there is none.

    :raises OperatorNeededError: it is no such key, or others may read it.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        with locked(path.with_name(f".{path.name}.lock")):
            if not path.exists():
                _make(path)
        text = b"" if path.is_dir() else path.read_bytes()
    except OSError as error:
        raise OperatorNeededError(
            f"The signing key {path} can be neither read nor made: {error.strerror}.",
            remedy=f"Name a file in a folder of yours in {KEY_VARIABLE}.",
        ) from None
    if path.stat().st_mode & 0o077:
        raise OperatorNeededError(
            f"The signing key {path} can be read by others.", remedy=f"Run 'chmod 600 {path}', or make a new key."
        )
    try:
        key = load_pem_private_key(text, password=None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise OperatorNeededError(
            f"The signing key {path} is no Ed25519 key in PEM without a passphrase.",
            remedy=f"Move it away, and a new one is made; or name another file in {KEY_VARIABLE}.",
        )
    return key


def _make(path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = Ed25519PrivateKey.generate()
    write_durably(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), mode=0o600)


def public_bytes(key: "Ed25519PublicKey") -> bytes:
    return bytes(key.public_bytes_raw())


def fingerprint(public: bytes) -> str:
    """Short enough to be read out: `SHA256:...`, made as SSH makes its own."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(public).digest()).decode().rstrip("=")


def expected_fingerprint(text: str) -> str:
    """What `--key` names: a fingerprint, or a file with a public key in PEM. :raises BadInputError: neither."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    if text.startswith("SHA256:"):
        return text.strip()
    try:
        key = load_pem_public_key(Path(text).read_bytes())
    except (OSError, ValueError):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise BadInputError(
            f"'{text}' is neither a fingerprint (SHA256:...) nor a file with an Ed25519 public key in PEM.",
            remedy="Take the fingerprint that 'drover audit key' showed on the machine that made the bundle.",
        )
    return fingerprint(public_bytes(key))

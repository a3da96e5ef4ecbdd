"""The key that signs evidence bundles: Ed25519, made on first use, kept outside the evidence in a file of mode 0600."""

import base64
import hashlib
import os
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

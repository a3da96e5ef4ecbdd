"""Private keys from their text."""

import base64
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import paramiko


def parse_key(text: str, passphrase: str | None) -> "paramiko.PKey | None":
    """The key in `text` (OpenSSH, PKCS#8 or PEM; Ed25519, ECDSA or RSA), or None where it holds none that opens."""
    import io

    import paramiko

    text = text.strip() + "\n"
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            return kind.from_private_key(io.StringIO(text), password=passphrase or None)
        except (paramiko.SSHException, ValueError, TypeError, IndexError):
            continue
    return None


def fingerprint(blob: bytes) -> str:
    """A public key as OpenSSH shows it: `SHA256:...`."""
    import hashlib

    digest = base64.b64encode(hashlib.sha256(blob).digest()).decode()
    return "SHA256:" + re.sub("=+$", "", digest)

"""A package's manifest: a line for each file with its digest, as `SHA256(disk1.vmdk)= 1f2e...`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from drover.errors import BadInputError

_LINE = re.compile(r"(SHA1|SHA256|SHA512)\s*\((.+)\)\s*=\s*([0-9A-Fa-f]+)", re.IGNORECASE)
_LENGTHS = {"sha1": 40, "sha256": 64, "sha512": 128}
ALGORITHM = "sha256"


@dataclass(frozen=True, slots=True)
class Digest:
    """:param algorithm: as hashlib names it. :param value: lower-case hex."""

    algorithm: str
    value: str


def write(digests: Mapping[str, str]) -> bytes:
    """:param digests: file name to its SHA-256, in the order of the package."""
    return "".join(f"SHA256({name})= {value}\n" for name, value in digests.items()).encode()


def read(text: bytes, label: str) -> dict[str, Digest]:
    """Tolerant of spaces, line ends and case; strict about what is left.

    :raises BadInputError: a line is none, or names a file twice.
    """
    found: dict[str, Digest] = {}
    for number, line in enumerate(text.decode("utf-8", "surrogateescape").splitlines(), 1):
        if not line.strip():
            continue
        match = _LINE.fullmatch(line.strip())
        algorithm = match[1].lower() if match else ""
        if match is None or len(match[3]) != _LENGTHS[algorithm] or match[2] in found:
            raise BadInputError(
                f"Line {number} of the manifest of {label} is no digest of a file, or the second of one.",
                remedy="Get the package anew from whoever made it.",
            )
        found[match[2]] = Digest(algorithm, match[3].lower())
    return found

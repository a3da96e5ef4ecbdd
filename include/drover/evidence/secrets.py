"""The guard that keeps secrets out of the evidence (they live in connections only)."""

import re
from collections.abc import Iterator
from typing import Any

from drover.errors import OperatorNeededError

_KEY = re.compile(
    r"passw(or)?d|passphrase|^pass$|^pwd$|secret|token|private_?key|api_?key|access_?key|credential|authorization|cookie"
)
_VALUE = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----|\w://[^/\s:@]+:[^/\s@]+@|\bpasswd=['\"]")
# Read as `private_key` in every spelling: privateKey, private-key, "Private Key".
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def refuse_secrets(value: Any, where: str) -> None:
    """:raises OperatorNeededError: something in the value looks like a secret; the secret is not in the message."""
    for path in _suspects(value, ""):
        raise OperatorNeededError(
            f"'{path.lstrip('.')}' in {where} looks like a secret, so nothing of it was written.",
            remedy="Leave it out: secrets belong in connections only. If this came from Drover itself, report it.",
        )


def _suspects(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            here = f"{path}.{key}"
            if inner is not None and _KEY.search(_spelling(str(key))):
                yield here
            yield from _suspects(inner, here)
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _suspects(inner, f"{path}[{index}]")
    elif isinstance(value, str) and _VALUE.search(value):
        yield path or "the text"


def _spelling(key: str) -> str:
    return re.sub(r"[\s.-]+", "_", _HUMP.sub("_", key)).lower()

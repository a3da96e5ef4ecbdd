"""The vCenter's back door, a socket in the lab's folder: what no vCenter offers, and tests and `lab status` need."""

import json
import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

from drover.errors import OperatorNeededError, RetryableError
from drover_lab.topology import LabHost

_SECONDS = 30.0


def _socket(where: LabHost) -> Path:
    return where.folder / "srv" / "control.sock"


def ask(where: LabHost, what: str, **details: object) -> Any:
    """One question and its answer.

    :raises RetryableError: the vCenter does not answer. :raises OperatorNeededError: it refuses.
    """
    request = json.dumps({"do": what, **details}).encode() + b"\n"
    try:
        answer = json.loads(_exchange(_socket(where), request))
    except (OSError, ValueError) as error:
        raise RetryableError(
            f"The vCenter {where.name} does not answer: {error}.", remedy="Run 'lab up' again."
        ) from None
    if "error" in answer:
        raise OperatorNeededError(
            f"The vCenter {where.name} refuses: {answer['error']}.", remedy="See its log in the lab's folder."
        )
    return answer.get("result")


def _exchange(path: Path, request: bytes) -> bytes:
    # The path of a lab with a long name may be longer than a socket's address may be; that of its folder is not.
    folder = os.open(path.parent, os.O_PATH)
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(_SECONDS)
            line.connect(f"/proc/self/fd/{folder}/{path.name}")
            line.sendall(request)
            parts = []
            while part := line.recv(65536):
                parts.append(part)
            return b"".join(parts)
    finally:
        with suppress(OSError):
            os.close(folder)

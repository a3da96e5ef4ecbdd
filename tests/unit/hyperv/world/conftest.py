"""A host for each test; whatever runs on it in the end is ended."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from worlds import Peer


@pytest.fixture
def hv() -> Iterator[Peer]:
    # The path of a socket may not be long, and pytest's own folders are.
    with tempfile.TemporaryDirectory(prefix="drover-hv-") as folder:
        peer = Peer(Path(folder), patience=1.0)
        try:
            yield peer
        finally:
            peer.runner.reboot()

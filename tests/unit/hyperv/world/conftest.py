"""A host for each test; whatever runs on it in the end is ended."""

import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pairs import Pair
from worlds import Peer

from drover_lab.process import ProcessRecord


@pytest.fixture
def hv() -> Iterator[Peer]:
    # The path of a socket may not be long, and pytest's own folders are.
    with tempfile.TemporaryDirectory(prefix="drover-hv-") as folder:
        peer = Peer(Path(folder), patience=1.0)
        try:
            yield peer
        finally:
            peer.runner.reboot()


@pytest.fixture
def pair() -> Iterator[Pair]:
    with tempfile.TemporaryDirectory(prefix="drover-hv-") as folder:
        made = Pair(Path(folder))
        try:
            yield made
        finally:
            made.a.runner.reboot()
            made.b.runner.reboot()
            for thread in [one for one in threading.enumerate() if one.name == "move"]:
                thread.join(60)
            # Nothing waits at the other host for a machine that does not come.
            for path in Path(folder).glob("hv-*/run/*.json"):
                record = ProcessRecord.load(path)
                assert record is None or not record.alive()

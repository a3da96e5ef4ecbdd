"""What the tests of the data plane share: a limit that never limits, and a report that nobody reads."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from drover.blocks.endpoint import Endpoint
from drover.blocks.mover import CopyResult, copy
from drover.blocks.throttle import Throttle


@pytest.fixture
def folder() -> Iterator[Path]:
    """Like tmp_path, but short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="dt-", dir="/tmp") as name:
        yield Path(name)


@pytest.fixture
def quiet() -> dict[str, Any]:
    return {"throttle": Throttle(), "progress": lambda _progress: None}


@pytest.fixture
def carry(quiet: dict[str, Any]) -> Any:
    """`copy` without the arguments that most tests do not care about."""

    def run(source: Endpoint, target: Endpoint, journal: Path | None = None, **more: Any) -> CopyResult:
        return copy(source, target, journal=journal, **(quiet | more))

    return run

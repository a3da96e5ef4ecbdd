"""A host over image files, as the tests of the stages use it."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "migration"))
from fake_host import FakeHost  # noqa: E402
from packages import MIB, data, silent  # noqa: E402

from drover.model import PowerState  # noqa: E402
from drover.ovf.exporting import export_machine  # noqa: E402


@pytest.fixture(autouse=True)
def staging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "staging"
    monkeypatch.setenv("DROVER_STAGING", str(folder))
    return folder


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    return FakeHost("a", tmp_path / "a")


@pytest.fixture
def other(tmp_path: Path) -> FakeHost:
    return FakeHost("b", tmp_path / "b")


@pytest.fixture
def exported(host: FakeHost, tmp_path: Path) -> Path:
    host.add("web ..%2f<&>", {"vda": data(1), "vdb": data(2, 3 * MIB)}, PowerState.OFF)
    path = tmp_path / "web.ova"
    export_machine(host, "web ..%2f<&>", path, progress=silent)
    return path

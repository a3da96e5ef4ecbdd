"""A machine of the lab, running as it was made, and what is needed to put it through the stages."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from folder_scope import goes_with_folder
from kill_points import Forks
from lab_moves import LabMove
from stones import Stones
from watch import Watch

from drover_lab import lab as labs
from drover_lab.appliance import appliance_environment
from drover_lab.lab import Lab


@pytest.fixture(scope="module", autouse=True)
def appliance() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in appliance_environment().items():
            patch.setenv(name, value)
        yield


@pytest.fixture
def moving(lab: Lab, tmp_path: Path) -> Iterator[Callable[..., LabMove]]:
    """Makes a cold move of a machine; `more` is more of its wave. The machine is brought back afterwards."""
    made: list[str] = []

    def make(name: str = "web", **more: Any) -> LabMove:
        made.append(name)
        lab.reset(name)
        check = {"http": {"url": f"{lab.machines[name].url}/health", "contains": f'"{name}"'}}
        wave = {
            "wave": "stages",
            "source": "lab_kvm_a",
            "target": "lab_kvm_b",
            "mappings": {
                "networks": {"production": "production"},
                "storage": {"default": "default"},
                "test_network": "isolated",
            },
            "backup": {"folder": str(tmp_path / "backup")},
            "machines": [{"name": name, "strategy": "cold", "checks": [check]}],
        }
        (tmp_path / "backup").mkdir()
        return LabMove(lab, tmp_path / "store", wave | more)

    yield make
    for name in made:
        lab.reset(name)


@pytest.fixture(scope="session")
def bare_lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """Two KVM hosts without machines. `DROVER_TEST_BARE_LAB=name` uses that lab, starts it if need be, and keeps it."""
    goes_with_folder(request, __file__)
    reused = os.environ.get("DROVER_TEST_BARE_LAB")
    name = reused or f"t{os.getpid()}-bare"
    try:
        yield labs.up(name, machine_names=())
    finally:
        if not reused:
            labs.down(name)


@pytest.fixture(scope="session")
def stones(bare_lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stones]:
    """A pebble, its stages in forks, and what it takes to begin again and again."""
    folder = tmp_path_factory.mktemp("stones")
    with Forks(bare_lab, folder / "now/store") as forks, Watch(bare_lab, folder) as watch:
        made = Stones(bare_lab, folder, forks, watch)
        made.keep()
        yield made

"""The connection is cut while a host takes a checkpoint for somebody, exports a machine, and imports one."""

from collections.abc import Iterator

import pytest
from hyperv_peer import World
from hyperv_place import Place, running, settings, source
from test_hyperv_phases import cut_everywhere

from drover.hypervisors.hyperv import checkpoints, folders
from drover.hypervisors.hyperv.hypervisor import HypervHypervisor
from drover.hypervisors.port import Hypervisor
from drover.model import Firmware

pytestmark = pytest.mark.usefixtures("impatient")

OUT = "D:\\Exports\\web"


@pytest.fixture(scope="module")
def place(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Machine `web` is there, and off."""
    with running(world, tmp_path_factory.mktemp("folders"), "hv-f") as made:
        machine = source(firmware=Firmware.BIOS)
        with made.open() as hypervisor:
            hypervisor.define(machine, settings(machine))
        yield made


def session_of(hypervisor: Hypervisor) -> folders.Session:
    assert isinstance(hypervisor, HypervHypervisor)
    return hypervisor.session


def test_while_a_checkpoint_is_taken_for_somebody(place: Place) -> None:
    for _ in cut_everywhere(place, lambda one: checkpoints.take(session_of(one), "web", "before update"), 2):
        with place.open() as hypervisor:
            checkpoints.take(session_of(hypervisor), "web", "before update")
            assert hypervisor.machine("web").snapshots == ("drover before update",)
            checkpoints.drop(session_of(hypervisor), "web", "before update")
            assert hypervisor.machine("web").snapshots == ()
    with place.open() as hypervisor:
        checkpoints.drop(session_of(hypervisor), "web", "before update")


def test_while_it_is_exported_and_imported(place: Place) -> None:
    """The host goes on by itself: the export is whole or not there, and of the machine there is one copy in the end."""
    folder = place.drives / "D" / "Exports"
    for _ in cut_everywhere(place, lambda one: folders.export_to(session_of(one), "web", OUT)):
        there = [path.name for path in folder.glob("[!.]*")]
        if there:
            assert there == ["web"]
            break

    def bring_in(hypervisor: Hypervisor) -> None:
        folders.import_from(session_of(hypervisor), OUT, name="two", new_id=True, pool="D:")

    for _ in cut_everywhere(place, bring_in):
        with place.open() as hypervisor:
            names = sorted(one.name for one in hypervisor.machines())
            # Until it has its own name it has the exported one's.
            assert names in (["web"], ["web", "web"], ["two", "web"])
        if names == ["two", "web"]:
            break
    with place.open() as hypervisor:
        if "drover-import" in hypervisor.machine("two").native:
            bring_in(hypervisor)  # it was cut when only the mark was left to take away
        assert sorted(one.name for one in hypervisor.machines()) == ["two", "web"]
        assert "drover-import" not in hypervisor.machine("two").native

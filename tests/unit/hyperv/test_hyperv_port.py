"""The whole port against a simulated host: real WinRM, our own scripts, a real SMB server, real VHDX files."""

import subprocess
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hyperv_peer import World
from hyperv_place import MIB, Place, kept, running, settings, source

from drover.errors import BadInputError, OperatorNeededError
from drover.model import Firmware, PowerState

NASTY = ("'; Stop-Computer #", "$(id)", "a`b", "two\r\nlines", "..\\..\\x", "[a]*", "Müller's – 🐑")


@pytest.fixture(scope="module")
def place(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with running(world, tmp_path_factory.mktemp("port"), "hv-w") as made:
        yield made


@pytest.mark.parametrize("firmware", [Firmware.UEFI, Firmware.BIOS])
def test_a_machine_is_made_as_translated_written_read_tried_and_removed(place: Place, firmware: Firmware) -> None:
    before = place.files()
    machine = source(firmware=firmware)
    given = settings(machine)
    with place.open() as hypervisor:
        promised = hypervisor.translated(machine, given)
        made = hypervisor.define(machine, given)
        assert kept(made) == kept(promised)
        assert hypervisor.define(machine, given).id == made.id

        with hypervisor.write_disks("web", given.owner) as endpoints:
            for number, endpoint in enumerate(endpoints.values(), 1):
                orders = ["-c", f"write -P {number} 1M 5M", "-c", "flush"]
                subprocess.run(["qemu-io", "-f", "raw", *orders, endpoint.uri], check=True)
        with hypervisor.read_disks("web") as endpoints:
            assert [endpoint.size for endpoint in endpoints.values()] == [24 * MIB, 8 * MIB]
            for number, endpoint in enumerate(endpoints.values(), 1):
                orders = ["-c", f"read -P {number} 1M 5M", "-c", "read -P 0 6M 2M"]
                argv = ["qemu-io", "-r", "-f", "raw", *orders, endpoint.uri]
                assert subprocess.run(argv, check=True, capture_output=True).returncode == 0

        hypervisor.set_autostart("web", True)
        assert hypervisor.machine("web").autostart
        hypervisor.remove("web", given.owner)
        assert hypervisor.find("web") is None
        hypervisor.remove("web", given.owner)
    assert place.files() == before


def test_power_trial_and_frozen_disks_of_a_machine_that_runs(place: Place) -> None:
    machine = source(firmware=Firmware.BIOS)
    given = settings(machine)
    with place.open() as hypervisor:
        made = hypervisor.define(machine, given)
        with hypervisor.isolated_trial("web", "isolated", given.owner) as trial:
            assert trial.name == "web"
            assert hypervisor.power_state("web") is PowerState.RUNNING
            assert {nic.network for nic in hypervisor.machine("web").nics} == {"isolated"}
        assert kept(hypervisor.machine("web")) == kept(made)

        hypervisor.power_on("web")
        hypervisor.power_on("web")
        assert hypervisor.machine("web").state is PowerState.RUNNING
        with pytest.raises(OperatorNeededError, match="is not off, so it is not removed"):
            hypervisor.remove("web", given.owner)
        with hypervisor.read_disks("web") as endpoints:
            assert all(endpoint.version.startswith("checkpoint ") for endpoint in endpoints.values())
            assert hypervisor.machine("web").snapshots == ("drover read",)
        after = hypervisor.machine("web")
        assert after.snapshots == ()
        assert [disk.path for disk in after.disks] == [disk.path for disk in made.disks]
        with pytest.raises(OperatorNeededError, match="'web' on 127.0.0.1 (cannot be asked to|did not) shut down"):
            hypervisor.shut_down("web", 5)  # nothing runs in it that could hear
        hypervisor.power_off("web")
        hypervisor.shut_down("web", 5)
        hypervisor.tag("web", replace(given.owner, role="started"))
        with pytest.raises(OperatorNeededError, match="was not made by this move, so it is not removed"):
            hypervisor.remove("web", given.owner)
        hypervisor.tag("web", given.owner)
        hypervisor.remove("web", given.owner)


@pytest.mark.parametrize("name", NASTY)
def test_a_name_is_a_name_through_every_order(place: Place, name: str) -> None:
    machine = source(name)
    given = settings(machine)
    with place.open() as hypervisor:
        for call in (hypervisor.power_state, hypervisor.machine, hypervisor.power_off):
            with pytest.raises(BadInputError) as caught:
                call(name)
            assert caught.value.message == f"There is no machine named '{name}' on 127.0.0.1."
        made = hypervisor.define(machine, given)
        assert (made.name, made.ownership) == (name, given.owner)
        assert hypervisor.power_state(name) is PowerState.OFF
        hypervisor.set_autostart(name, True)
        assert [one.name for one in hypervisor.machines()] == [name]
        hypervisor.remove(name, given.owner)
        assert hypervisor.machines() == []


def test_what_a_killed_try_left_is_made_anew(place: Place) -> None:
    from drover.hypervisors.hyperv import define, scripts, translate
    from drover.hypervisors.hyperv.session import Session

    machine = source()
    given = settings(machine)
    with Session(place.peer.spec()) as session:
        offer = translate.survey(session)
        left = define._create(session, machine, translate.describe(machine, given, offer), offer, given.owner)
        assert scripts.run(session, "machines") == [{"id": left, "name": define.working_name(given.owner)}]
    with place.open() as hypervisor:
        made = hypervisor.define(machine, given)
        assert [one.name for one in hypervisor.machines()] == ["web"]
        assert made.id != left
        hypervisor.remove("web", given.owner)


def test_a_file_that_is_in_the_way_is_not_touched(place: Place) -> None:
    machine = source()
    given = settings(machine)
    with place.open() as hypervisor:
        path = hypervisor.translated(machine, given).disks[0].path
        file = place.drives / path.replace(":\\", "/").replace("\\", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("payroll")
        with pytest.raises(OperatorNeededError, match="is there already, and this move did not make it"):
            hypervisor.define(machine, given)
        assert file.read_text() == "payroll"
        hypervisor.remove("web", given.owner)
        assert hypervisor.machines() == []
        file.unlink()

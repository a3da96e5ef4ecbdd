"""The whole port against a simulated host: real WinRM, our own scripts, a real SMB server, real VHDX files."""

import copy
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hyperv_peer import World
from hyperv_place import MIB, Place, kept, running, settings, source

sys.path.append(str(Path(__file__).parents[1] / "concerns"))
from factory import preflight  # noqa: E402

from drover.concerns import disk_raw_mapping, machine_replica, machine_saved, machine_shielded, snapshots  # noqa: E402
from drover.concerns.catalogue import ConcernModule  # noqa: E402
from drover.errors import BadInputError, OperatorNeededError  # noqa: E402
from drover.model import Firmware, PowerState  # noqa: E402
from drover_lab.hyperv.world.store import world as states  # noqa: E402

NASTY = ("'; Stop-Computer #", "$(id)", "a`b", "two\r\nlines", "..\\..\\x", "[a]*", "Müller's – 🐑")


CHECKPOINT = {
    "id": "0b1f7a54-2f3e-4a55-9d0c-8f6a3c1d2e4b", "name": "before the update", "type": "Standard", "below": {},
    "created": "2026-11-01T00:00:00+00:00", "settings": {},
}  # fmt: skip


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
        file = place.file(hypervisor.translated(machine, given).disks[0].path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("payroll")
        with pytest.raises(OperatorNeededError, match="is there already, and this move did not make it"):
            hypervisor.define(machine, given)
        assert file.read_text() == "payroll"
        hypervisor.remove("web", given.owner)
        assert hypervisor.machines() == []
        file.unlink()


@pytest.mark.parametrize(
    ("changes", "concern", "sentence", "read"),
    [
        ({"state": "Saved"}, machine_saved, "Machine 'web' is saved, not off.", "is neither running nor off."),
        ({"replication": "Replicating"}, machine_replica, "Machine 'web' takes part in Hyper-V Replica (", None),
        ({"snapshots": [CHECKPOINT]}, snapshots, "Machine 'web' has the snapshots before the update.",
         "has checkpoints (before the update), so its disks are chains of files, which nothing but Hyper-V reads."),
        ({"shielded": True}, machine_shielded, "Machine 'web' is protected by its host (shielded).", None),
        ({"disk": {"disk_number": 3, "path": "Disk 3"}}, disk_raw_mapping, "Disk IDE 0:0 of 'web' stands for a LUN or "
         "a physical disk.", "is a physical disk (pass-through), so it is no file that could be read."),
    ],
)  # fmt: skip
def test_a_machine_that_must_not_move_is_refused_in_words_and_stays_as_it_is(
    place: Place, changes: dict[str, Any], concern: ConcernModule, sentence: str, read: str | None
) -> None:
    before, machine = place.files(), source(firmware=Firmware.BIOS)
    given = settings(machine)
    with place.open() as hypervisor:
        hypervisor.define(machine, given)
        with altered(place, changes):
            seen = hypervisor.machine("web")
            assert sentence in " ".join(found.assessment for found in concern.check(preflight(seen)))
            assert not concern.WAIVABLE or concern is machine_replica
            if read is not None:
                with pytest.raises(OperatorNeededError, match=re.escape(read)), hypervisor.read_disks("web"):
                    raise AssertionError("read")
            assert (hypervisor.machine("web"), place.peer.shells) == (seen, [])
        hypervisor.remove("web", given.owner)
        assert hypervisor.machines() == []
    assert place.files() == before


@contextmanager
def altered(place: Place, changes: dict[str, Any]) -> Iterator[None]:
    """The machine as somebody else has set it, for a while; under `disk`, its first disk."""
    values = {name: value for name, value in changes.items() if name != "disk"}
    with states(place.world) as found:
        (host,) = found["hosts"].values()
        (kept_one,) = host["machines"].values()
        was = copy.deepcopy(kept_one)
        kept_one.update(values)
        kept_one["disks"][0].update(changes.get("disk", {}))
    try:
        yield
    finally:
        with states(place.world) as found:
            (host,) = found["hosts"].values()
            host["machines"][was["id"]] = was

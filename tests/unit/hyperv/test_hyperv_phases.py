"""What breaks in each phase of a machine's way, at a whole simulated host: a sentence, and the next try goes on.

The connection is cut at the first script of a phase, at its second and so on, until the phase is through before.
"""

import re
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from breaking import BROKE, asked
from hyperv_peer import World
from hyperv_place import MIB, Place, running, settings, source

from drover.errors import DroverError, OperatorNeededError, RetryableError
from drover.hypervisors.hyperv import define
from drover.hypervisors.port import Hypervisor
from drover.model import Firmware, PowerState
from drover_lab.hyperv.world.store import world as states
from drover_lab.process import wait_until

pytestmark = pytest.mark.usefixtures("impatient")

OWNER = settings(source()).owner


@pytest.fixture(scope="module")
def place(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with running(world, tmp_path_factory.mktemp("phases"), "hv-p") as made:
        yield made


def cut_everywhere(place: Place, work: Callable[[Hypervisor], object], step: int = 1) -> Iterator[None]:
    """Yields after each time that the connection was cut; ends when the work came through without.

    :param step: of the scripts in which it is cut; a phase of many scripts takes long.
    """
    for scripts in count(step=step):
        assert place.peer.status()["unmodelled"] == []
        place.peer.ask("clear")
        place.peer.goes_wrong("drop", action="Receive", skip=scripts)
        told = sentence_of(place, work)
        if told is None:
            place.peer.ask("clear")
            assert scripts > 1, "nothing was cut"
            return
        assert told == BROKE
        place.peer.ask("clear")
        assert place.peer.shells == []
        yield


def sentence_of(place: Place, work: Callable[[Hypervisor], object]) -> str | None:
    with place.open() as hypervisor:
        try:
            work(hypervisor)
        except RetryableError as error:
            return str(error)
    return None


def test_the_connection_is_cut_while_a_machine_is_made(empty: Place) -> None:
    machine = source(firmware=Firmware.BIOS)
    given = settings(machine)
    for _ in cut_everywhere(empty, lambda hypervisor: hypervisor.define(machine, given), 3):
        with empty.open() as hypervisor:
            hypervisor.remove("web", given.owner)  # as a rollback does
            assert hypervisor.machines() == []


def test_a_disk_that_was_being_made_is_removed_with_its_machine(empty: Place) -> None:
    """Its file is there, and the script was killed before the machine had it."""
    machine = source()
    given = settings(machine)
    with empty.open() as hypervisor:
        made = hypervisor.define(machine, given)
        with states(empty.world) as found:
            (host,) = found["hosts"].values()
            (kept,) = host["machines"].values()
            kept.update(name=define.working_name(OWNER), bios=str(uuid.uuid4()), disks=kept["disks"][:1])
        hypervisor.remove("web", OWNER)
        assert hypervisor.machines() == []
        assert hypervisor.define(machine, given).disks == made.disks


def test_the_connection_is_cut_while_it_is_started(empty: Place) -> None:
    machine = source(firmware=Firmware.BIOS)
    with empty.open() as hypervisor:
        hypervisor.define(machine, settings(machine))
    for _ in cut_everywhere(empty, lambda hypervisor: hypervisor.power_on("web"), 2):
        with empty.open() as hypervisor:
            assert hypervisor.power_state("web") in (PowerState.OFF, PowerState.RUNNING)
            hypervisor.power_on("web")
            assert hypervisor.power_state("web") is PowerState.RUNNING
            hypervisor.power_off("web")


def test_the_connection_is_cut_while_a_running_machine_is_read(empty: Place) -> None:
    machine = source(firmware=Firmware.BIOS)
    with empty.open() as hypervisor:
        made = hypervisor.define(machine, settings(machine))
        hypervisor.power_on("web")

    def read(hypervisor: Hypervisor) -> None:
        with hypervisor.read_disks("web") as endpoints:
            assert len(endpoints) == 2

    for _ in cut_everywhere(empty, read, 5):
        with empty.open() as hypervisor:
            hypervisor.release_disks("web")  # as the next try does, or a rollback
            after = hypervisor.machine("web")
            assert (after.snapshots, [disk.path for disk in after.disks]) == ((), [disk.path for disk in made.disks])


def test_the_connection_is_cut_during_a_trial(empty: Place) -> None:
    machine = source(firmware=Firmware.BIOS)
    given = settings(machine)
    with empty.open() as hypervisor:
        hypervisor.define(machine, given)

    def attempt(hypervisor: Hypervisor) -> None:
        with hypervisor.isolated_trial("web", "isolated", given.owner):
            pass

    for _ in cut_everywhere(empty, attempt, 6):
        with empty.open() as hypervisor:
            attempt(hypervisor)
            after = hypervisor.machine("web")
            assert (after.state, after.snapshots) == (PowerState.OFF, ())
            assert {nic.network for nic in after.nics} == {"production"}


def test_the_connection_is_cut_while_it_is_made_final(empty: Place) -> None:
    machine, final = source(firmware=Firmware.BIOS), replace(OWNER, role="committed")
    with empty.open() as hypervisor:
        hypervisor.define(machine, settings(machine))

    def make_final(hypervisor: Hypervisor) -> None:
        hypervisor.set_autostart("web", True)
        hypervisor.tag("web", final)

    for _ in cut_everywhere(empty, make_final, 2):
        with empty.open() as hypervisor:
            make_final(hypervisor)
            made = hypervisor.machine("web")
            assert (made.ownership, made.autostart) == (final, True)
            hypervisor.tag("web", OWNER)
    with empty.open() as hypervisor:
        hypervisor.tag("web", OWNER)


def test_the_connection_is_cut_while_it_is_removed(empty: Place) -> None:
    machine, before = source(firmware=Firmware.BIOS), empty.files()
    given = settings(machine)
    with empty.open() as hypervisor:
        hypervisor.define(machine, given)
    for _ in cut_everywhere(empty, lambda hypervisor: hypervisor.remove("web", OWNER), 2):
        with empty.open() as hypervisor:
            hypervisor.remove("web", OWNER)  # as the next try does
            assert (hypervisor.machines(), empty.files()) == ([], before)
            hypervisor.define(machine, given)


def test_the_host_restarts_while_a_machine_is_made(empty: Place) -> None:
    machine = source(firmware=Firmware.BIOS)
    given = settings(machine)
    empty.peer.ask("clear")  # the requests of the tests before are not counted
    empty.peer.goes_wrong("slow", action="Receive", seconds=60.0, skip=4)  # until the restart ends it
    rebooting = threading.Thread(target=reboot_at, args=(empty, "Receive", 5))
    rebooting.start()
    with empty.open() as hypervisor, pytest.raises(RetryableError, match=r"^The connection to 127\.0\.0\.1 broke\."):
        hypervisor.define(machine, given)
    rebooting.join()
    wait_until("the host listens", empty.listens, deadline=30, interval=0.05)
    with empty.open() as hypervisor:
        assert hypervisor.define(machine, given).ownership == given.owner
        assert [one.name for one in hypervisor.machines()] == ["web"]


def reboot_at(place: Place, action: str, number: int) -> None:
    """When so many requests of this kind were seen."""
    wait_until("the host is asked", lambda: asked(place, action) >= number, deadline=30, interval=0.02)
    place.peer.ask("reboot", seconds=0.1)


@pytest.mark.parametrize(("starts", "state"), [(False, PowerState.OFF), (True, PowerState.RUNNING)])
def test_a_host_that_restarts_starts_what_is_to_start_with_it(empty: Place, starts: bool, state: PowerState) -> None:
    machine = source(firmware=Firmware.BIOS)
    with empty.open() as hypervisor:
        hypervisor.define(machine, settings(machine))
        hypervisor.set_autostart("web", starts)
        hypervisor.power_on("web")
        empty.peer.ask("reboot", seconds=0.0)
        wait_until("the host listens", empty.listens, deadline=30, interval=0.05)
        assert hypervisor.power_state("web") is state


def test_a_volume_that_fills_up_while_disks_are_made(empty: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """It had room when it was asked, and no more when the second disk was made."""
    machine = source(firmware=Firmware.BIOS)
    monkeypatch.setattr(define, "require_room", lambda *_: None)
    with empty.open() as hypervisor, capacity(empty, 30 * MIB), pytest.raises(DroverError) as caught:
        hypervisor.define(machine, settings(machine))
    with empty.open() as hypervisor:
        # Until the next try or the rollback, and known to both by its name.
        assert [(one.name, one.state) for one in hypervisor.machines()] == [
            (define.working_name(OWNER), PowerState.OFF)
        ]
        assert hypervisor.define(machine, settings(machine)).name == "web"
        assert [one.name for one in hypervisor.machines()] == ["web"]
    assert re.fullmatch(
        r"Hyper-V on 127\.0\.0\.1 says: There is not enough space on the disk for '.*ide0-1\.vhdx'\. Try again in a "
        r"minute\.",
        str(caught.value),
    )


def test_a_host_without_room_is_told_before_anything_is_made(empty: Place) -> None:
    machine = source(firmware=Firmware.BIOS)
    with empty.open() as hypervisor, capacity(empty, 30 * MIB):
        with pytest.raises(OperatorNeededError) as caught:
            hypervisor.define(machine, settings(machine))
        assert hypervisor.machines() == []
    assert re.fullmatch(
        rf"The storage 'D:' on 127\.0\.0\.1 is too full: {32 * MIB} bytes are needed, \d+ are free\. Make room "
        r"there, or map the storage to another volume\.",
        str(caught.value),
    )


def test_a_host_without_memory_does_not_start_it(empty: Place) -> None:
    machine = source(firmware=Firmware.BIOS)
    with empty.open() as hypervisor:
        hypervisor.define(machine, settings(machine))
        with changed(empty, memory=32 * MIB), pytest.raises(OperatorNeededError) as caught:
            hypervisor.power_on("web")
        assert "Not enough memory in the system to start the virtual machine web" in str(caught.value)
        assert hypervisor.power_state("web") is PowerState.OFF


def capacity(place: Place, size: int) -> AbstractContextManager[None]:
    """The volume D: is so large, for a while."""
    return changed(place, capacity={"C": 0, "D": size})


@contextmanager
def changed(place: Place, **facts: Any) -> Iterator[None]:
    def change(values: dict[str, Any]) -> dict[str, Any]:
        with states(place.world) as found:
            (host,) = found["hosts"].values()
            before = {name: host[name] for name in values}
            host.update(values)
        return before

    before = change(facts)
    try:
        yield
    finally:
        change(before)

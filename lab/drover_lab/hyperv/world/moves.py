"""Compare-VM and Move-VM: a machine goes to another host of the world with its disks, as long as that takes.

A report lives in its script alone, as in Windows; what a host is carrying out stands in the world's state, and is
carried out by a thread of that host's process, whatever becomes of the script.
"""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from drover.errors import DroverError
from drover_lab.hyperv.powershell.faults import CmdletFault
from drover_lab.hyperv.powershell.invocation import Invocation
from drover_lab.hyperv.powershell.values import Enum, Names, PsObject
from drover_lab.hyperv.soap import NotModelledError
from drover_lab.hyperv.world import arrivals, jobs, moving
from drover_lab.hyperv.world.answers import invalid, refused
from drover_lab.hyperv.world.devices import Devices
from drover_lab.hyperv.world.handover import settled
from drover_lab.hyperv.world.jobs import COMPLETED, FAILED, RUNNING, TERMINATED
from drover_lab.hyperv.world.machines import chosen, refresh
from drover_lab.hyperv.world.paths import same
from drover_lab.hyperv.world.planned import Planned, adapter_of, planned_at, problems_of, report
from drover_lab.hyperv.world.store import Host, State, world

_LOOK = 0.2
_ENDING = 60.0
_JOB_STATES = {"Running": 1, "Completed": 2, "Failed": 3}


class Moves:
    def __init__(self, host: Host, devices: Devices) -> None:
        self.host, self.devices = host, devices
        self._power = threading.Event()  # is set when it is lost
        self._threads: list[threading.Thread] = []

    # --- Compare-VM ---

    def compare(self, call: Invocation) -> None:
        call.only("VM", "DestinationHost", "VirtualMachinePath", "SnapshotFilePath", "SmartPagingFilePath", "Vhds",
                  "CompatibilityReport")  # fmt: skip
        given = call.get("CompatibilityReport")
        planned = given.hidden if given is not None else self._planned(call)
        with world(self.host.folder) as found:
            call.write(report(planned, found["hosts"][planned.host]))

    def _planned(self, call: Invocation) -> Planned:
        with world(self.host.folder) as found:
            state = found["hosts"][self.host.name]
            refresh(self.host, state)
            (machine,) = chosen(call, state)
            name = self._reached(call, found, machine)
            there = json.loads(json.dumps(machine))
            places = {one["SourceFilePath"].lower(): one["DestinationFilePath"] for one in call.get("Vhds")}
            if machine["snapshots"]:
                raise NotModelledError("Compare-VM of a machine with checkpoints")
            for drive in there["disks"]:
                if drive["path"].lower() not in places:
                    raise invalid(f"No destination is given for the file '{drive['path']}'.")
                drive["path"] = places[drive["path"].lower()]
            there["folder"] = call.get("VirtualMachinePath")
            return planned_at(name, there, found["hosts"][name])

    def _reached(self, call: Invocation, found: State, machine: State) -> str:
        """The other host, where it can be logged in at. :raises CmdletFault: it cannot."""
        wanted = call.get("DestinationHost")
        name = next((one for one in found["hosts"] if same(one, wanted.partition(".")[0])), None)
        if name is None or name == self.host.name:
            raise refused(f"The operation on computer '{wanted}' failed: the computer cannot be found.",
                          "ObjectNotFound", "ObjectNotFound")  # fmt: skip
        if not arrivals.answers(replace(self.host, name=name)):
            raise refused(f"The operation on computer '{wanted}' failed: The RPC server is unavailable. (0x800706BA)")
        state = found["hosts"][self.host.name]
        by_domain = state["live_login"] == "Kerberos" and state.get("delegation")
        if not call.shell.console.delegated and not by_domain:
            raise refused(
                "The Virtual Machine Management Service failed to authenticate the connection for a Virtual Machine "
                f"migration with host '{wanted}': No credentials are available in the security package (0x8009030E)."
            )
        for one in (self.host.name, name):
            if not found["hosts"][one]["live"]:
                raise refused(f"Virtual machine migration for '{machine['name']}' failed because it is not enabled on "
                              f"'{one}'.")  # fmt: skip
        return str(name)

    # --- The adapters of a machine that is planned ---

    def adapters(self, call: Invocation) -> None:
        given = call.get("VM") or []
        if not any(isinstance(one.hidden, Planned) for one in given):
            self.devices.adapters(call)
            return
        call.only("VM")
        for one in given:
            for card in one.hidden.machine["adapters"]:
                call.write(adapter_of(one.hidden, card))

    def connect(self, call: Invocation) -> None:
        given = call.get("VMNetworkAdapter") or []
        if not any(isinstance(one.hidden[0], Planned) for one in given):
            self.devices.connect(call)
            return
        call.only("VMNetworkAdapter", "SwitchName")
        for one in given:
            planned, card_id = one.hidden
            with world(self.host.folder) as found:
                switches = found["hosts"][planned.host]["switches"]
            if call.get("SwitchName") not in switches:
                call.fail(invalid(f'Hyper-V was unable to find a virtual switch with name "{call.get("SwitchName")}".'))
                continue
            card = next(card for card in planned.machine["adapters"] if card["id"] == card_id)
            card["switch"] = call.get("SwitchName")
            planned.missed.pop(card_id, None)

    # --- Move-VM ---

    def move(self, call: Invocation) -> None:
        call.only("CompatibilityReport", "AsJob")
        if not call.get("AsJob"):
            raise NotModelledError("Move-VM that is waited for")
        planned: Planned = call.get("CompatibilityReport").hidden
        error = self._against(planned)
        job = None if error else self._begin(planned)
        properties = _JobProperties(lambda: self._word(job))
        call.write(PsObject("Microsoft.HyperV.PowerShell.VMJob", properties, hidden=error))

    def _word(self, job: str | None) -> str:
        with world(self.host.folder) as found:
            state = found["jobs"][job]["state"] if job else FAILED
        return {RUNNING: "Running", COMPLETED: "Completed"}.get(state, "Failed")

    def receive(self, call: Invocation) -> None:
        call.only("Job")
        for job in call.get("Job"):
            if job.hidden is not None:
                call.fail(job.hidden)

    def _against(self, planned: Planned) -> CmdletFault | None:
        name = planned.machine["name"]
        with world(self.host.folder) as found:
            problems = problems_of(planned, found["hosts"][planned.host])
            if problems:
                return refused(f"Virtual machine migration for '{name}' failed. {problems[0][1]}")
            for one in (self.host.name, planned.host):
                state = found["hosts"][one]
                busy = [job for job in jobs.known(found, one) if job["state"] == RUNNING]
                if len(busy) >= min(state["live_slots"], state["storage_slots"]):
                    return refused(f"Virtual machine migration for '{name}' failed: '{one}' has reached the limit of "
                                   "simultaneous migrations.")  # fmt: skip
        return None

    def _begin(self, planned: Planned) -> str:
        job = jobs.begin(self.host, planned.host, planned.machine["id"])
        go = threading.Thread(target=self._carry_out, args=(job, planned, self._power), name="move", daemon=True)
        self._threads = [one for one in self._threads if one.is_alive()] + [go]
        go.start()
        return job

    def _carry_out(self, job: str, planned: Planned, power: threading.Event) -> None:
        try:
            way = self._journey(job, planned, power)
            running = way.machine["state"] == "Running"
            (moving.move if running else moving.copy_files)(way)
            settled(self.host, way.machine)
            jobs.end(self.host, job, COMPLETED)
        except moving.PowerLost:
            return  # Nobody is left who could say so.
        except moving.Cancelled:
            jobs.end(self.host, job, TERMINATED, "The operation was cancelled.")
        except (CmdletFault, DroverError, OSError) as error:
            why = f"Virtual machine migration for '{planned.machine['name']}' failed. {error}"
            jobs.end(self.host, job, FAILED, why)

    def _journey(self, job: str, planned: Planned, power: threading.Event) -> moving.Journey:
        there = Host(self.host.folder, planned.host, {}, ("", ""))
        with self.host.state() as state:
            machine = json.loads(json.dumps(state["machines"][planned.machine["id"]]))
            speed = int(state.get("live_speed", 0))
        if machine["generation"] == 2:
            planned.machine["nvram"] = str(self.host.folder / self.host.name / f"{machine['id']}.nvram")
        asked = _Looking(lambda: jobs.cancelled(self.host, job))

        def power_lost() -> None:
            if power.is_set():
                raise moving.PowerLost

        def look() -> None:
            power_lost()
            if asked():
                raise moving.Cancelled

        return moving.Journey(
            self.host, machine, there, planned.machine, speed,
            tell=lambda part: jobs.tell(self.host, job, int(part * 100)), power=power_lost, look=look, held=self._held,
        )  # fmt: skip

    def _held(self, point: str) -> bool:
        with self.host.state() as state:
            return bool(state.get("live_hold") == point)

    def cut(self) -> None:
        """The host has no power any more, or another process: whatever carries out a move here ends at once."""
        self._power.set()
        self._power = threading.Event()

    def gone(self) -> None:
        """Waits for those that were cut."""
        for thread in self._threads:
            thread.join(_ENDING)
        self._threads.clear()


class _JobProperties(Names):
    """A job's state is what it is when it is looked at."""

    def __init__(self, ask: Callable[[], str]) -> None:
        super().__init__({"State": None})
        self._ask = ask

    def __getitem__(self, name: str) -> Any:
        word = self._ask()
        return Enum("System.Management.Automation.JobState", word, _JOB_STATES[word])


class _Looking:
    """Asks now and then, however often it is asked."""

    def __init__(self, ask: Callable[[], bool]) -> None:
        self._ask, self._last, self._said = ask, 0.0, False

    def __call__(self) -> bool:
        if time.monotonic() - self._last > _LOOK:
            self._last, self._said = time.monotonic(), self._ask()
        return self._said

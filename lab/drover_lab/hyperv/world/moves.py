"""Compare-VM and Move-VM: a machine goes to another host of the world with its disks, as long as that takes.

A report lives in its script alone, as in Windows; what a host is carrying out stands in the world's state, and is
carried out by a thread of that host's process, whatever becomes of the script.
"""

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from drover.errors import DroverError
from drover_lab.hyperv.powershell.faults import CmdletFault
from drover_lab.hyperv.powershell.invocation import Invocation
from drover_lab.hyperv.powershell.values import Enum, Names, PsObject
from drover_lab.hyperv.soap import NotModelledError
from drover_lab.hyperv.world import moving
from drover_lab.hyperv.world.answers import invalid, refused, thing
from drover_lab.hyperv.world.devices import Devices
from drover_lab.hyperv.world.handover import hand_over, settled
from drover_lab.hyperv.world.machines import chosen, refresh
from drover_lab.hyperv.world.paths import same
from drover_lab.hyperv.world.planned import Planned, adapter_of, planned_at, problems_of, report
from drover_lab.hyperv.world.store import Host, State, world

# CIM's states of a job.
RUNNING, COMPLETED, TERMINATED, FAILED = 4, 7, 8, 10
_KEPT = 300.0  # seconds that a job which ended is remembered
_LOOK = 0.2
_JOB_STATES = {"Running": 1, "Completed": 2, "Failed": 3}


class Moves:
    def __init__(self, host: Host, devices: Devices) -> None:
        self.host, self.devices = host, devices

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
                busy = [
                    job for job in _jobs(found) if job["state"] == RUNNING and one in (job["source"], job["target"])
                ]
                if len(busy) >= min(state["live_slots"], state["storage_slots"]):
                    return refused(f"Virtual machine migration for '{name}' failed: '{one}' has reached the limit of "
                                   "simultaneous migrations.")  # fmt: skip
        return None

    def _begin(self, planned: Planned) -> str:
        job: State = {
            "id": str(uuid.uuid4()), "machine": planned.machine["id"], "source": self.host.name,
            "target": planned.host, "state": RUNNING, "percent": 0, "error": "", "cancel": False, "ended": 0.0,
            "submitted": datetime.now(UTC).strftime("%Y%m%d%H%M%S.%f+000"),
        }  # fmt: skip
        with world(self.host.folder) as found:
            found.setdefault("jobs", {})[job["id"]] = job
        threading.Thread(target=self._carry_out, args=(job["id"], planned), name="move", daemon=True).start()
        return str(job["id"])

    def _carry_out(self, job: str, planned: Planned) -> None:
        there = Host(self.host.folder, planned.host, {}, ("", ""))
        try:
            with self.host.state() as state:
                machine = dict(state["machines"][planned.machine["id"]])
                speed = int(state.get("live_speed", 0))
            if machine["generation"] == 2:
                planned.machine["nvram"] = str(self.host.folder / self.host.name / f"{machine['id']}.nvram")
            way = moving.Journey(
                self.host, json.loads(json.dumps(machine)), there, planned.machine, speed,
                lambda part: self._tell(job, int(part * 100)), _Looking(lambda: self._cancelled(job)),
            )  # fmt: skip
            (moving.move if machine["state"] == "Running" else moving.copy_files)(way)
            hand_over(self.host, there, planned.machine)
            settled(self.host, machine)
            self._end(job, COMPLETED)
        except moving.Cancelled:
            self._end(job, TERMINATED, "The operation was cancelled.")
        except (CmdletFault, DroverError, OSError) as error:
            self._end(job, FAILED, f"Virtual machine migration for '{planned.machine['name']}' failed. {error}")

    # --- Jobs ---

    def _tell(self, job: str, percent: int) -> None:
        with self._running(job) as known:
            known["percent"] = percent

    def _cancelled(self, job: str) -> bool:
        with self._running(job) as known:
            return bool(known["cancel"])

    def _end(self, job: str, state: int, error: str = "") -> None:
        with self._running(job) as known:
            known.update(state=state, error=error, ended=time.time())
            if state == COMPLETED:
                known["percent"] = 100

    @contextmanager
    def _running(self, job: str) -> Iterator[State]:
        """What is known of it; where nobody knows of it any more, it is to end."""
        with world(self.host.folder) as found:
            yield found.get("jobs", {}).get(job, {"cancel": True})

    def jobs(self) -> list[PsObject]:
        """What WMI tells of them."""
        with world(self.host.folder) as found:
            return [self._told(job) for job in _jobs(found) if self.host.name in (job["source"], job["target"])]

    def _told(self, job: State) -> PsObject:
        def change(state: Any, _timeout: Any) -> PsObject:
            if state != 4:
                raise NotModelledError(f"RequestStateChange {state}")
            with world(self.host.folder) as found:
                found["jobs"][job["id"]]["cancel"] = True
            return thing("MethodResult", {"ReturnValue": 4096})

        return PsObject(
            "System.Management.ManagementObject#Msvm_MigrationJob",
            Names({
                "VirtualSystemName": job["machine"].upper(), "JobState": job["state"],
                "PercentComplete": job["percent"], "ErrorDescription": job["error"] or None,
                "TimeSubmitted": job["submitted"], "DestinationHost": job["target"],
            }),
            methods={"requeststatechange": change},
        )  # fmt: skip


def lost(host: Host) -> None:
    """The host's process began: what an earlier one was carrying out has ended."""
    with world(host.folder) as found:
        for job in _jobs(found):
            if job["source"] == host.name and job["state"] == RUNNING:
                job.update(state=FAILED, error="The Hyper-V service was restarted.", ended=time.time())


def _jobs(found: State) -> list[State]:
    known: dict[str, State] = found.setdefault("jobs", {})
    for job in [one for one in known.values() if one["ended"] and time.time() - one["ended"] > _KEPT]:
        del known[job["id"]]
    return list(known.values())


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

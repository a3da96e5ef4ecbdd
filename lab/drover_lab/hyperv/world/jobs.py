"""What hosts carry out between each other: each of the two tells of it, for as long as its service runs.

The world's state holds one record for both. A host forgets its jobs when its service begins anew, as Windows does.
"""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from drover_lab.hyperv.powershell.values import Names, PsObject
from drover_lab.hyperv.soap import NotModelledError
from drover_lab.hyperv.world.answers import thing
from drover_lab.hyperv.world.store import Host, State, world

# CIM's states of a job.
RUNNING, COMPLETED, TERMINATED, FAILED = 4, 7, 8, 10
_KEPT = 300.0  # seconds that a job which ended is remembered


def begin(host: Host, target: str, machine_id: str) -> str:
    job: State = {
        "id": str(uuid.uuid4()), "machine": machine_id, "source": host.name, "target": target, "state": RUNNING,
        "percent": 0, "error": "", "cancel": False, "ended": 0.0, "forgotten": [],
        "submitted": datetime.now(UTC).strftime("%Y%m%d%H%M%S.%f+000"),
    }  # fmt: skip
    with world(host.folder) as found:
        found.setdefault("jobs", {})[job["id"]] = job
    return str(job["id"])


def tell(host: Host, job: str, percent: int) -> None:
    with _one(host, job) as found:
        found["percent"] = percent


def cancelled(host: Host, job: str) -> bool:
    with _one(host, job) as found:
        return bool(found["cancel"])


def end(host: Host, job: str, state: int, error: str = "") -> None:
    with _one(host, job) as found:
        found.update(state=state, error=error, ended=time.time())
        if state == COMPLETED:
            found["percent"] = 100


@contextmanager
def _one(host: Host, job: str) -> Iterator[State]:
    """What is known of it; where nobody knows of it any more, it is to end."""
    with world(host.folder) as found:
        yield found.get("jobs", {}).get(job, {"cancel": True})


def known(found: State, host: str) -> list[State]:
    """Those that this host tells of."""
    return [
        job for job in _kept(found) if host in (job["source"], job["target"]) and host not in job.get("forgotten", ())
    ]


def _kept(found: State) -> list[State]:
    jobs: dict[str, State] = found.setdefault("jobs", {})
    for job in [one for one in jobs.values() if one["ended"] and time.time() - one["ended"] > _KEPT]:
        del jobs[job["id"]]
    return list(jobs.values())


def lost(host: Host) -> None:
    """The host's service began: it knows of none, and what it was carrying out has ended."""
    with world(host.folder) as found:
        for job in known(found, host.name):
            job.setdefault("forgotten", []).append(host.name)
            if job["source"] == host.name and job["state"] == RUNNING:
                job.update(state=FAILED, error=f"The connection to '{host.name}' was lost.", ended=time.time())


def told(host: Host) -> list[PsObject]:
    """What WMI tells of them."""
    with world(host.folder) as found:
        return [_told(host, job) for job in known(found, host.name)]


def _told(host: Host, job: State) -> PsObject:
    def change(state: Any, _timeout: Any) -> PsObject:
        if state != 4:
            raise NotModelledError(f"RequestStateChange {state}")
        with world(host.folder) as found:
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

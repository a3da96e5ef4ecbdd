"""Triggers of vSphere, for DAGs of one's own."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from drover.errors import DroverError, RetryableError
from drover.hypervisors.connection import ConnectionSpec
from drover_airflow.hooks.base import aresolve
from drover_airflow.triggers.base import heard
from drover_airflow.triggers.hypervisor import LiveMigrationTrigger

# About five minutes of a vCenter that does not answer; the task itself goes on meanwhile.
_FAILURES = 30
_BETWEEN_TRIES = 10.0


class VsphereMigrationTrigger(LiveMigrationTrigger):
    """Waits for a vMotion."""


class VsphereTaskTrigger(BaseTrigger):
    """Waits until a task of a vCenter ends; the vCenter tells when, it is not asked over and over.

    The event has `status` (`done`, or `failed`) and `message`.

    :param task: the task's id, as in `task-42`. :param what: what it does, for messages.
    """

    def __init__(self, *, conn_id: str, task: str, what: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # BaseTrigger has no annotations
        self.conn_id = conn_id
        self.task_id_there = task
        self.what = what

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {"conn_id": self.conn_id, "task": self.task_id_there, "what": self.what},
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        begun = time.monotonic()
        event = await self._wait_for_it()
        await heard(begun)
        yield TriggerEvent(event)

    async def _wait_for_it(self) -> dict[str, str]:
        failures = 0
        while True:
            try:
                spec = await aresolve(self.conn_id)
                await asyncio.to_thread(_wait, spec, self.task_id_there, self.what)
            except RetryableError as error:
                failures += 1
                self.log.warning("The task cannot be seen (%s of %s times): %s", failures, _FAILURES, error)
                if failures >= _FAILURES:
                    return {"status": "failed", "message": str(error)}
                await asyncio.sleep(_BETWEEN_TRIES * random.uniform(0.8, 1.2))
            except DroverError as error:
                return {"status": "failed", "message": str(error)}
            else:
                return {"status": "done", "message": f"{self.what} is done."}


class VsphereSnapshotTrigger(VsphereTaskTrigger):
    """The same for a snapshot of Drover's; where a person ends the task meanwhile, it is removed again.

    :param machine: its name. :param purpose: tells this snapshot from others.
    """

    def __init__(self, *, conn_id: str, task: str, machine: str, purpose: str) -> None:
        super().__init__(conn_id=conn_id, task=task, what=f"the snapshot of machine '{machine}'")
        self.machine = machine
        self.purpose = purpose

    def serialize(self) -> tuple[str, dict[str, Any]]:
        path, arguments = super().serialize()
        del arguments["what"]
        return path, {**arguments, "machine": self.machine, "purpose": self.purpose}

    async def on_kill(self) -> None:
        """Never called on a restart of the triggerer. What is still being taken is waited for first."""
        try:
            spec = await aresolve(self.conn_id)
            await asyncio.to_thread(_remove, spec, self.machine, self.purpose)
        except DroverError as error:
            self.log.error("The snapshot of machine '%s' stays: %s", self.machine, error)


def _remove(spec: ConnectionSpec, machine: str, purpose: str) -> None:
    from drover.hypervisors.vsphere import snapshots
    from drover.hypervisors.vsphere.session import Session

    session = Session(spec)
    try:
        snapshots.remove_for(session, machine, purpose)
    finally:
        session.close()


def _wait(spec: ConnectionSpec, task: str, what: str) -> None:
    from drover.hypervisors.vsphere.session import Session
    from drover.hypervisors.vsphere.tasks import wait_for

    session = Session(spec)
    try:
        wait_for(session, task, what)
    finally:
        session.close()

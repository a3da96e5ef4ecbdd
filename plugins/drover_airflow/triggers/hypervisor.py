"""Triggers that every kind of hypervisor has, for DAGs of one's own."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from drover.errors import OperatorNeededError
from drover.hypervisors import registry
from drover.hypervisors.port import Hypervisor, LiveMover, LiveStatus
from drover_airflow.hooks.base import aresolve
from drover_airflow.triggers.base import LiveMoveTrigger, heard

_CONNECT_SECONDS = 5.0
_BETWEEN_TRIES = 1.0


class LiveMigrationTrigger(LiveMoveTrigger):
    """Waits for a live move between two connections.

    :param source_conn_id: :param target_conn_id: their connections. :param machine: the machine's name.
    """

    def __init__(self, *, source_conn_id: str, target_conn_id: str, machine: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # BaseTrigger has no annotations
        self.source_conn_id = source_conn_id
        self.target_conn_id = target_conn_id
        self.machine = machine
        self._open = ExitStack()
        self._ends: tuple[Hypervisor, Hypervisor] | None = None

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "source_conn_id": self.source_conn_id,
                "target_conn_id": self.target_conn_id,
                "machine": self.machine,
            },
        )

    async def status(self) -> LiveStatus:
        source, target = await self._connected()
        return await asyncio.to_thread(_mover(source).live_status, self.machine, target)

    async def cancel(self) -> None:
        source, _ = await self._connected()
        await asyncio.to_thread(_mover(source).cancel_live, self.machine)
        await self.close()

    async def close(self) -> None:
        self._ends = None
        await asyncio.to_thread(self._open.close)

    async def _connected(self) -> tuple[Hypervisor, Hypervisor]:
        if self._ends is None:
            specs = [await aresolve(conn_id) for conn_id in (self.source_conn_id, self.target_conn_id)]
            opened = [await asyncio.to_thread(self._enter, registry.connect, spec) for spec in specs]
            self._ends = (opened[0], opened[1])
        return self._ends

    def _enter(self, connect: Any, spec: Any) -> Hypervisor:
        hypervisor: Hypervisor = self._open.enter_context(connect(spec))
        return hypervisor


class GuestAnswersTrigger(BaseTrigger):
    """Waits until a guest takes TCP connections, as it does when it has booted.

    The event has `status` (`done`, or `late` at the deadline) and `message`.

    :param address: :param port: where it must answer. :param deadline: seconds since the epoch; it outlives restarts.
    """

    def __init__(self, *, address: str, port: int, deadline: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # BaseTrigger has no annotations
        self.address = address
        self.port = port
        self.deadline = deadline

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {"address": self.address, "port": self.port, "deadline": self.deadline},
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        where = f"{self.address} port {self.port}"
        why, begun = "it was not asked", time.monotonic()
        while time.time() < self.deadline:
            try:
                await self._connect()
            except (OSError, TimeoutError) as error:
                why = str(error) or type(error).__name__
                await asyncio.sleep(_BETWEEN_TRIES)
            else:
                await heard(begun)
                yield TriggerEvent({"status": "done", "message": f"{where} answers."})
                return
        await heard(begun)
        yield TriggerEvent({"status": "late", "message": f"{where} did not answer in time: {why}."})

    async def _connect(self) -> None:
        _, writer = await asyncio.wait_for(asyncio.open_connection(self.address, self.port), _CONNECT_SECONDS)
        writer.close()
        await writer.wait_closed()


def _mover(hypervisor: Hypervisor) -> LiveMover:
    if not isinstance(hypervisor, LiveMover):
        raise OperatorNeededError(
            f"A {hypervisor.kind} host cannot move a running machine by itself.", remedy="Give it the strategy 'cold'."
        )
    return hypervisor

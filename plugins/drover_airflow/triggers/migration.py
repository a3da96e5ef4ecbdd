"""The trigger of a wave's own transfer task."""

import asyncio
from contextlib import ExitStack
from typing import Any

from drover.hypervisors.port import LiveMover, LiveStatus
from drover.migration.move import Move
from drover_airflow.hooks.base import aresolve
from drover_airflow.moves import known, opened, wave_of_run
from drover_airflow.triggers.base import LiveMoveTrigger


class TransferTrigger(LiveMoveTrigger):
    """Waits for the live move of one machine of a wave, and keeps its progress in the store on the way.

    :param wave: path of the wave file, or the wave as JSON. :param machine: its key. :param run: the DAG run's id.
    """

    def __init__(self, *, wave: str, machine: str, run: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # BaseTrigger has no annotations
        self.wave = wave
        self.machine = machine
        self.run_key = run
        self._open = ExitStack()
        self._move: Move | None = None

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {"wave": self.wave, "machine": self.machine, "run": self.run_key},
        )

    async def status(self) -> LiveStatus:
        move = await self._connected()
        return await asyncio.to_thread(_status, move)

    async def cancel(self) -> None:
        move = await self._connected()
        source = await asyncio.to_thread(lambda: move.source)
        if isinstance(source, LiveMover):
            await asyncio.to_thread(source.cancel_live, move.name)
        await self.close()

    async def close(self) -> None:
        self._move = None
        await asyncio.to_thread(self._open.close)

    async def _connected(self) -> Move:
        if self._move is None:
            wave = await asyncio.to_thread(wave_of_run, self.wave, self.run_key)
            plan = next((plan for plan in wave.machines if plan.key == self.machine), None)
            ids = {wave.source_of(plan), wave.target_of(plan)} if plan else set()
            specs = {conn_id: await aresolve(conn_id) for conn_id in ids}
            move = opened(self.wave, self.machine, self.run_key, known(specs))
            self._move = await asyncio.to_thread(self._open.enter_context, move)
        return self._move


def _status(move: Move) -> LiveStatus:
    # Imported here: with it comes the whole data plane, which no DAG file needs when it is parsed.
    from drover.migration import transfer

    return transfer.status(move)

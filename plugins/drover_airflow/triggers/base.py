"""Waiting for a live move without a worker: asks, waits a little longer each time, and gives exactly one event."""

import asyncio
import random
from abc import abstractmethod
from collections.abc import AsyncIterator

from airflow.triggers.base import BaseTrigger, TriggerEvent

from drover.errors import CorruptionError, DroverError, OperatorNeededError
from drover.hypervisors.port import LiveState, LiveStatus

_FIRST_WAIT = 1.0
_LONGEST_WAIT = 5.0
# About five minutes of a host that does not answer; the move itself goes on meanwhile.
_FAILURES = 60


class LiveMoveTrigger(BaseTrigger):
    """Polls a live move until it ends.

    The event has `status` (`done`, `failed`: the host's own word; `lost`: the host did not answer any more) and
    `message`. A restart of the triggerer begins anew with the same arguments, and a move that ended is found ended.
    """

    async def run(self) -> AsyncIterator[TriggerEvent]:
        try:
            yield TriggerEvent(await self._wait())
        finally:
            await self.close()

    async def _wait(self) -> dict[str, str]:
        failures, wait = 0, _FIRST_WAIT
        while True:
            try:
                status = await self.status()
                failures = 0
            except (OperatorNeededError, CorruptionError) as error:
                return {"status": "lost", "message": str(error)}
            except DroverError as error:
                failures += 1
                self.log.warning("The move cannot be seen (%s of %s times in a row): %s", failures, _FAILURES, error)
                await self.close()
                if failures >= _FAILURES:
                    return {"status": "lost", "message": str(error)}
            else:
                if status.state is not LiveState.RUNNING:
                    return {"status": _word(status.state), "message": status.message}
                self.log.info("The live move runs: %s of %s bytes.", status.done, status.total)
            # Spread out, so that many moves do not ask one host at the same moment.
            await asyncio.sleep(wait * random.uniform(0.8, 1.2))
            wait = min(_LONGEST_WAIT, wait * 1.3)

    async def on_kill(self) -> None:
        """A person ended the task: so the move ends, and the source runs on. Never called on a restart."""
        await self.cancel()

    @abstractmethod
    async def status(self) -> LiveStatus:
        """How the move is doing; connects where it must. :raises DroverError: it cannot be seen."""

    @abstractmethod
    async def cancel(self) -> None:
        """Ends the move."""

    @abstractmethod
    async def close(self) -> None:
        """Closes what `status` opened; called also when nothing is open."""


def _word(state: LiveState) -> str:
    return "done" if state is LiveState.DONE else "failed"

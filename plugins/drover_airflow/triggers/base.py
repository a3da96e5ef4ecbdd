"""Waiting for a live move without a worker: asks now and then, often when the end is near, and gives exactly one event.

Where the two disks are compared at the switch-over, the guest stands still until the end of the move is seen.
"""

import asyncio
import random
import time
from abc import abstractmethod
from collections.abc import AsyncIterator

from airflow.triggers.base import BaseTrigger, TriggerEvent

from drover.errors import CorruptionError, DroverError, OperatorNeededError
from drover.hypervisors.port import LiveState, LiveStatus

_SHORTEST_WAIT = 0.3
_FIRST_WAIT = 1.0
_LONGEST_WAIT = 5.0
# About five minutes of a host that does not answer; the move itself goes on meanwhile.
_FAILURES = 60


class Pace:
    """How long to wait before the next look: longer each time, but never beyond half of what is left by the last rate.

    A move whose end comes nearer and does not come (the guest writes faster than the line carries) is looked at often;
    that costs its host one small question each time.
    """

    def __init__(self) -> None:
        self._wait = _FIRST_WAIT
        self._last: tuple[float, int] | None = None
        self._rate = 0.0

    def wait(self, status: LiveStatus, now: float) -> float:
        """:param now: by the monotonic clock. :returns: seconds."""
        wait, self._wait = self._wait, min(_LONGEST_WAIT, self._wait * 1.3)
        if self._last is not None and status.done > self._last[1] and now > self._last[0]:
            self._rate = (status.done - self._last[1]) / (now - self._last[0])
        self._last = (now, status.done)
        if not self._rate:
            return wait
        left = max(0, status.total - status.done) / self._rate
        return min(wait, max(_SHORTEST_WAIT, left / 2))


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
        failures, pace = 0, Pace()
        while True:
            wait = _LONGEST_WAIT
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
                wait = pace.wait(status, time.monotonic())
            # Spread out, so that many moves do not ask one host at the same moment.
            await asyncio.sleep(wait * random.uniform(0.8, 1.2))

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

"""Waiting for a live move without a worker: asks often, and gives exactly one event.

Where the two disks are compared at the switch-over, the guest stands still until the end of the move is seen; and how
near the end is cannot be told by what was moved so far, as the memory's last round takes anything from none to long.
"""

import asyncio
import random
import time
from abc import abstractmethod
from collections.abc import AsyncIterator

from airflow.triggers.base import BaseTrigger, TriggerEvent

from drover.errors import CorruptionError, DroverError, OperatorNeededError
from drover.hypervisors.port import LiveState, LiveStatus

# Seconds. A host answers in a millisecond or two.
_WAIT = 0.5
_WAIT_AFTER_FAILURE = 5.0
_BETWEEN_WORDS = 5.0
# Seconds from a trigger's beginning until the scheduler, however busy, has heard that its task was deferred.
_HEARD = 10.0
# About five minutes of a host that does not answer; the move itself goes on meanwhile.
_FAILURES = 60


async def heard(begun: float) -> None:
    """To be awaited before a trigger's event. A task that comes back before the scheduler has heard that its first half
    has ended is taken for a mistake, and ended (apache/airflow#72716).

    :param begun: when the trigger began, on the monotonic clock.
    """
    await asyncio.sleep(max(0.0, begun + _HEARD - time.monotonic()))


class LiveMoveTrigger(BaseTrigger):
    """Polls a live move until it ends.

    The event has `status` (`done`, `failed`: the host's own word; `lost`: the host did not answer any more) and
    `message`. A restart of the triggerer begins anew with the same arguments, and a move that ended is found ended.
    """

    async def run(self) -> AsyncIterator[TriggerEvent]:
        begun = time.monotonic()
        try:
            event = await self._wait()
            await heard(begun)
            yield TriggerEvent(event)
        finally:
            await self.close()

    async def _wait(self) -> dict[str, str]:
        failures, said = 0, float("-inf")
        while True:
            wait = _WAIT_AFTER_FAILURE
            try:
                status = await self.status()
                failures = 0
            except (OperatorNeededError, CorruptionError) as error:
                return {"status": "lost", "message": str(error)}
            except Exception as error:
                # Not the hosts alone: Airflow may not give the connections for a moment. The move goes on meanwhile.
                failures += 1
                unknown = not isinstance(error, DroverError)
                words = f"{type(error).__name__}: {error}" if unknown else str(error)
                self.log.warning(
                    "The move cannot be seen (%s of %s times in a row): %s",
                    failures,
                    _FAILURES,
                    words,
                    exc_info=unknown,
                )
                await self.close()
                if failures >= _FAILURES:
                    return {"status": "lost", "message": words}
            else:
                if status.state is not LiveState.RUNNING:
                    return {"status": _word(status.state), "message": status.message}
                if time.monotonic() - said >= _BETWEEN_WORDS:
                    said = time.monotonic()
                    self.log.info("The live move runs: %s of %s bytes.", status.done, status.total)
                wait = _WAIT
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

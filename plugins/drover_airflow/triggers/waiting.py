"""Waiting without a worker until there is room where a machine is to be moved."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from drover_airflow.settings import store_root

# Seconds. A look is a few small files.
_BETWEEN_LOOKS = 3.0
# A task that is resumed at once may be taken for a mistake by the scheduler (apache/airflow#72716).
AT_LEAST = 15.0


class RoomTrigger(BaseTrigger):
    """Gives one event when all places that a machine needs have room; the task then takes them, or waits again.

    :param who: wave, run and machine that wait, as a JSON list. :param wanted: how many each place takes, as JSON.
    """

    def __init__(self, *, who: str, wanted: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # BaseTrigger has no annotations
        self.who = who
        self.wanted = wanted

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (f"{type(self).__module__}.{type(self).__qualname__}", {"who": self.who, "wanted": self.wanted})

    async def run(self) -> AsyncIterator[TriggerEvent]:
        told: tuple[str, ...] = ()
        await asyncio.sleep(AT_LEAST)
        while full := await asyncio.to_thread(self._full):
            if full != told:
                self.log.info("Waiting for room. %s", "; ".join(full))
                told = full
            # Spread out, so that many do not look at the same moment.
            await asyncio.sleep(_BETWEEN_LOOKS * random.uniform(0.8, 1.2))
        yield TriggerEvent({"status": "room"})

    def _full(self) -> tuple[str, ...]:
        from drover.migration.slots import full_places

        return full_places(store_root(), json.loads(self.wanted), json.loads(self.who))

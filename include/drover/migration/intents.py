"""What a move is about to do, written down before it is done.

A killed stage leaves no record of what it began; its intents say what may have happened, and rollback goes by them.
"""

import time
from enum import StrEnum

from drover.evidence.store import MachineStore

_FILE = "intents.json"


class Intent(StrEnum):
    BEGUN = "begun"  # the first change to anything
    SOURCE_DOWN = "source_down"  # the source is being shut down for a cold move
    SOURCE_OFF = "source_off"  # and was off after that
    LIVE_MOVE = "live_move"  # the platform's own live move is being started
    TARGET_STARTED = "target_started"  # the target is being let run on the production network
    SOURCE_BACK = "source_back"  # the source is being started again
    COMMITTED = "committed"  # the move is being made final
    RETIRING = "retiring"  # the source of the committed move is being removed for good, which a person approved
    RETURNING = "returning"  # a person decided that the committed move is taken back


def declare(store: MachineStore, intent: Intent) -> float:
    """Writes the intent down, once; returns when it was first declared, seconds since the epoch."""
    intents: dict[str, float] = store.read_json(_FILE) or {}
    if intent not in intents:
        intents[intent] = time.time()
        store.write_json(_FILE, intents)
    return intents[intent]


def declared(store: MachineStore, intent: Intent) -> float | None:
    """When the intent was declared, or None."""
    intents: dict[str, float] = store.read_json(_FILE) or {}
    return intents.get(intent)


def withdraw(store: MachineStore, intent: Intent | None = None) -> None:
    """After a rollback nothing is under way any more. :param intent: only this one."""
    intents: dict[str, float] = store.read_json(_FILE) or {}
    store.write_json(_FILE, {key: when for key, when in intents.items() if intent is not None and key != intent})

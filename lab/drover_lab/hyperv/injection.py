"""Things that go wrong on purpose: asked for over the control socket, met by the next requests that fit."""

import threading
from dataclasses import dataclass, replace
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Injection:
    """One thing that goes wrong.

    :param kind: `drop` cuts the connection, `slow` waits before it answers, `status` answers with a bare HTTP status,
        `quota` says that the user has too many shells.
    :param action: Create, Command, Send, Receive, Signal, Delete, Enumerate; None is any.
    :param when: of a drop: before the request is carried out, or after it, when the answer is due.
    :param after_bytes: of a drop: cut in the middle of the answer.
    :param times: how often, then never again. :param skip: how many requests that fit pass unharmed before.
    """

    kind: Literal["drop", "slow", "status", "quota"]
    action: str | None = None
    when: Literal["before", "after"] = "before"
    after_bytes: int | None = None
    seconds: float = 0.0
    status: int = 0
    times: int = 1
    skip: int = 0


class Injections:
    """What is still to go wrong."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Injection] = []

    def add(self, values: dict[str, Any]) -> None:
        with self._lock:
            self._waiting.append(Injection(**values))

    def clear(self) -> None:
        with self._lock:
            self._waiting.clear()

    def take(self, action: str) -> Injection | None:
        """The first that fits this action; it is used up once."""
        with self._lock:
            for place, found in enumerate(self._waiting):
                if found.action in (None, action):
                    if found.skip:
                        self._waiting[place] = replace(found, skip=found.skip - 1)
                        return None
                    left = replace(found, times=found.times - 1)
                    self._waiting[place : place + 1] = [left] if left.times else []
                    return found
        return None

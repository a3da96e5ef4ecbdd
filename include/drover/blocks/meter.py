"""How far a step is, told at most a few times a second however many threads report."""

import threading
import time
from collections.abc import Callable

from drover.model import Progress

# Seconds between two reports, and over which the rate is smoothed.
_EVERY = 0.25
_SMOOTH = 3.0


class Meter:
    """:param report: called from any of the threads, never from two at once."""

    def __init__(self, label: str, total: int, report: Callable[[Progress], None]) -> None:
        self._label = label
        self._total = total
        self._report = report
        self._lock = threading.Lock()
        self._done = 0
        self._moved = 0
        self._rate = 0.0
        self._last = time.monotonic()
        self._sign = self._last

    def add(self, done: int, *, moved: int = 0) -> None:
        """:param done: bytes that are dealt with. :param moved: how many of them were read, for the rate."""
        with self._lock:
            self._done += done
            self._moved += moved
            now = self._sign = time.monotonic()
            if now - self._last < _EVERY:
                return
            weight = min(1.0, (now - self._last) / _SMOOTH)
            current = self._moved / (now - self._last)
            self._rate = current if self._rate == 0 else self._rate + weight * (current - self._rate)
            self._moved, self._last = 0, now
            self._tell()

    def sign(self) -> None:
        """Still at work, although no byte moved (waiting for the bandwidth limit)."""
        self._sign = time.monotonic()

    def silence(self) -> float:
        """Seconds since the last sign of life."""
        return time.monotonic() - self._sign

    def finish(self) -> None:
        """The last report, whenever the one before was."""
        with self._lock:
            self._tell()

    def _tell(self) -> None:
        self._report(Progress(self._label, self._done, self._total, self._rate))

"""Flushes the target while others write to it, and then puts what they had finished into the journal."""

import threading
from collections.abc import Callable

from drover.blocks.crew import Crew
from drover.blocks.journal import Journal
from drover.blocks.nbd_client import Connection

MIB = 1 << 20
# A kill loses what was not flushed yet: a hundredth of what was done, within these bounds, is worth a flush.
_LEAST, _MOST, _SHARE = 4 * MIB, 64 * MIB, 100
# Seconds after which even less is flushed.
_PATIENCE = 0.5


class Keeper:
    """:param target: gives the connection to flush, opened when first asked for.

    A server that lets several connections write flushes what came by any of them.
    """

    def __init__(self, target: Callable[[], Connection], journal: Journal | None) -> None:
        self._target = target
        self._journal = journal
        self._change = threading.Condition()
        self._finished: list[tuple[int, bytes]] = []
        self._waiting = 0
        self._safe = 0
        self._left = 0

    def add(self, index: int, digest: bytes, length: int) -> None:
        """A chunk whose every write was answered."""
        if self._journal is None:
            return
        with self._change:
            self._finished.append((index, digest))
            self._waiting += length
            if self._waiting >= self._worth():
                self._change.notify()

    def leave(self) -> None:
        """One of the writers is done."""
        with self._change:
            self._left += 1
            self._change.notify()

    def run(self, writers: int, crew: Crew) -> None:
        """Flushes until all writers have left, and once more then."""
        while not crew.stopped():
            with self._change:
                self._change.wait_for(lambda: self._left == writers or self._waiting >= self._worth(), _PATIENCE)
                last = self._left == writers
                finished, self._finished = self._finished, []
                self._safe += self._waiting
                self._waiting = 0
            if finished or last:
                self._target().flush()
            if finished and self._journal is not None:
                self._journal.append(finished)
            if last:
                return

    def _worth(self) -> int:
        return min(max(_LEAST, self._safe // _SHARE), _MOST)

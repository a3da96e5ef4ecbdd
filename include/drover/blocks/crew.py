"""Several threads at one piece of work: the first error ends them all, and so does Ctrl-C or a stall."""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import Generic, Protocol, TypeVar

from drover.blocks.meter import Meter
from drover.errors import RetryableError

T = TypeVar("T")

# Enough requests on their way to keep a line busy, few enough not to crowd a core (measured; see bench/README.md).
WORKERS = 4
# Seconds without a byte after which a server counts as gone. A flush may take long on slow storage.
STALL = 300.0
_LOOK = 1.0


class Abortable(Protocol):
    def abort(self) -> None: ...


class Shared(Generic[T]):
    """An iterator that several threads may draw from."""

    def __init__(self, items: Iterable[T]) -> None:
        self._items: Iterator[T] = iter(items)
        self._lock = threading.Lock()

    def next(self) -> T | None:
        with self._lock:
            return next(self._items, None)


class Crew:
    """:param ends: whose calls are cut off when the work is given up."""

    def __init__(self, meter: Meter, ends: Iterable[Abortable], *, stall: float = STALL) -> None:
        self._meter = meter
        self._ends = list(ends)
        self._stall = stall
        self._stop = threading.Event()

    def stopped(self) -> bool:
        """To be asked between two requests, and while waiting."""
        return self._stop.is_set()

    def waiting(self) -> bool:
        """The same, and a sign that the wait is meant."""
        self._meter.sign()
        return self._stop.is_set()

    def run(self, works: Iterable[Callable[[], None]]) -> None:
        """Runs each in a thread of its own and returns when all are done.

        :raises: the first error of any of them, or `RetryableError` where no byte moved for `stall` seconds.
        """
        works = list(works)
        with ThreadPoolExecutor(len(works), thread_name_prefix="drover-blocks") as pool:
            futures = [pool.submit(work) for work in works]
            try:
                self._watch(futures)
            except BaseException:
                self._give_up()
                raise

    def _watch(self, futures: "list[Future[None]]") -> None:
        self._meter.sign()
        pending: set[Future[None]] = set(futures)
        while pending:
            done, pending = wait(pending, timeout=_LOOK, return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
            if pending and self._meter.silence() > self._stall:
                raise RetryableError(
                    f"Not a byte moved for {self._stall:.0f} seconds.", remedy="See whether both hosts still answer."
                )

    def _give_up(self) -> None:
        self._stop.set()
        for end in self._ends:
            end.abort()

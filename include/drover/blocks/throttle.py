"""A bandwidth limit that disks and threads share, and that may change while it is at work."""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

log = logging.getLogger(__name__)

# Seconds of the limit that may be caught up after a stall.
_BURST = 0.2
# Seconds between looks at the control file, and the longest that anyone sleeps without looking at the limit again.
_LOOK = 0.25


class Throttle:
    """A token bucket. Whoever takes more than there is leaves a debt that the next ones wait for.

    :param bytes_per_second: the limit; None for no limit.
    :param control: a file that may come, change and go at any time: a number of bytes a second, which then holds in
        place of the limit; `0` or `none` lifts it. What cannot be read changes nothing, and is said in the log.
    """

    def __init__(self, bytes_per_second: int | None = None, control: Path | None = None) -> None:
        self._default = bytes_per_second
        self._limit = bytes_per_second
        self._control = control
        self._seen: str | None = None
        self._lock = threading.Lock()
        self._tokens = 0.0
        self._filled = time.monotonic()
        self._looked = float("-inf")

    @property
    def limit(self) -> int | None:
        """Bytes a second that hold now; None for no limit."""
        with self._lock:
            self._look(time.monotonic())
            return self._limit

    def take(self, count: int, stopped: Callable[[], bool] = bool) -> None:
        """Returns when `count` bytes may go. :param stopped: asked while waiting; true ends the wait."""
        while (wait := self._try(count)) > 0 and not stopped():
            time.sleep(min(wait, _LOOK))

    def _try(self, count: int) -> float:
        """0 where the bytes were taken, else the seconds after which to ask again."""
        with self._lock:
            now = time.monotonic()
            self._look(now)
            if self._limit is None:
                return 0.0
            self._tokens = min(self._tokens + (now - self._filled) * self._limit, self._limit * _BURST)
            self._filled = now
            if self._tokens < 0:
                return -self._tokens / self._limit
            self._tokens -= count
            return 0.0

    def _look(self, now: float) -> None:
        if self._control is None or now - self._looked < _LOOK:
            return
        self._looked = now
        try:
            text = self._control.read_text().strip()
        except FileNotFoundError:
            text = ""
        except (OSError, ValueError) as error:
            text = f"({error})"
        if text == self._seen:
            return
        self._seen = text
        self._change(text)

    def _change(self, text: str) -> None:
        if not text:
            limit = self._default
        elif text.lower() in ("0", "none"):
            limit = None
        elif text.isascii() and text.isdigit():
            limit = int(text)
        else:
            log.warning("The bandwidth in %s is not a number of bytes a second: %.60r.", self._control, text)
            return
        if limit != self._limit:
            self._limit = limit
            # A debt from the old limit would be paid at the new rate.
            self._tokens, self._filled = 0.0, time.monotonic()

"""One end of a copy as seen through libnbd: reads, writes and extents, with errors in plain words.

libnbd releases the GIL while it waits, and serialises calls on one handle, so that a `Connection` may be shared.
"""

import errno
import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from drover.blocks.digest import CHUNK_SIZE
from drover.blocks.endpoint import Endpoint
from drover.blocks.ranges import Range
from drover.errors import BadInputError, DroverError, OperatorNeededError, RetryableError

if TYPE_CHECKING:
    import nbd

_ALLOCATION = "base:allocation"
# The longest range that one question about extents may cover; the protocol's own field has 32 bits.
_LONGEST_QUESTION = 1 << 30
_SECTOR = 512


class Connection:
    """:raises RetryableError: nobody answers there. :raises OperatorNeededError: it answers and refuses."""

    def __init__(self, endpoint: Endpoint) -> None:
        import nbd

        self.endpoint = endpoint
        self._handle = nbd.NBD()
        # What a failed read leaves in the buffer is never looked at; clearing each buffer first costs a pass over it.
        self._handle.set_pread_initialize(False)
        self._handle.add_meta_context(_ALLOCATION)
        try:
            self._handle.connect_uri(endpoint.uri)
        except nbd.Error as error:
            raise _refusal(endpoint, error) from None
        # A second descriptor of the same socket: `abort` must not wait for the handle, which a hung call holds.
        self._socket = socket.socket(fileno=os.dup(self._handle.aio_get_fd()))
        self.size: int = self._handle.get_size()
        self.multi_conn: bool = self._handle.can_multi_conn()
        self.read_only: bool = self._handle.is_read_only()
        self._can_zero: bool = self._handle.can_zero()
        self._can_flush: bool = self._handle.can_flush()
        self.knows_extents: bool = self._handle.can_meta_context(_ALLOCATION)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def abort(self) -> None:
        """Ends whatever call is under way, from another thread; the connection is of no use afterwards."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        import nbd

        with suppress(nbd.Error):
            if self._handle.aio_is_ready():
                self._handle.shutdown()
        # The binding has no call for it: the handle goes with its last reference.
        del self._handle
        self._socket.close()

    def read(self, part: Range) -> bytearray:
        data: bytearray = self._call("read", part, lambda: self._handle.pread(part.length, part.offset))
        return data

    def write(self, data: bytearray, part: Range) -> None:
        self._call("written", part, lambda: self._handle.pwrite(data, part.offset))

    def zero(self, part: Range) -> None:
        """Makes the range read as zeroes, without keeping room for it where the server can."""
        if self._can_zero:
            self._call("zeroed", part, lambda: self._handle.zero(part.length, part.offset))
            return
        for offset in range(part.offset, part.end, CHUNK_SIZE):
            piece = Range(offset, min(CHUNK_SIZE, part.end - offset))
            self.write(bytearray(piece.length), piece)

    def flush(self) -> None:
        """What was written and answered is on stable storage. A server without flush writes through."""
        if self._can_flush:
            self._call("flushed", Range(0, self.size), self._handle.flush)

    def zeroes(self, part: Range) -> list[tuple[Range, bool]]:
        """The range in parts, each with whether the server knows that it reads as zeroes; unknown is not zero."""
        if not self.knows_extents:
            return [(part, False)]
        result: list[tuple[Range, bool]] = []
        at = part.offset
        while at < part.end:
            for length, zero in self._extents(Range(at, min(part.end - at, _LONGEST_QUESTION))):
                length = min(length, part.end - at)
                if result and result[-1][1] == zero:
                    result[-1] = (Range(result[-1][0].offset, result[-1][0].length + length), zero)
                elif length:
                    result.append((Range(at, length), zero))
                at += length
        return result

    def _extents(self, part: Range) -> list[tuple[int, bool]]:
        import nbd

        found: list[tuple[int, bool]] = []

        def note(context: str, _offset: int, entries: list[int], _error: Any) -> int:
            if context == _ALLOCATION:
                pairs = zip(entries[::2], entries[1::2], strict=True)
                found.extend((length, bool(flags & nbd.STATE_ZERO)) for length, flags in pairs)
            return 0

        self._call("asked for its extents", part, lambda: self._handle.block_status(part.length, part.offset, note))
        if not sum(length for length, _ in found):
            raise OperatorNeededError(
                f"{self.endpoint.label} gave no extents for {part}.", remedy="Use another NBD server for this disk."
            )
        return found

    def _call(self, what: str, part: Range, work: Callable[[], Any]) -> Any:
        import nbd

        try:
            return work()
        except nbd.Error as error:
            raise self._failure(what, part, error) from None

    def _failure(self, what: str, part: Range, error: "nbd.Error") -> DroverError:
        label = self.endpoint.label
        if self._handle.aio_is_dead() or self._handle.aio_is_closed() or error.errnum == errno.ESHUTDOWN:
            return RetryableError(
                f"The connection to {label} broke while {part} were being {what}.",
                remedy="Try again when its host answers; what was finished is not copied twice.",
            )
        reason = os.strerror(error.errnum) if error.errnum else error.string
        if error.errnum == errno.ENOSPC:
            return OperatorNeededError(f"There is no room left for {label}.", remedy="Make room, then try again.")
        return OperatorNeededError(
            f"{label} could not be {what} at {part}: {reason}.",
            remedy="Look at the storage that it lies on; nothing unread is ever taken for zeroes.",
        )


def _refusal(endpoint: Endpoint, error: "nbd.Error") -> DroverError:
    reason = os.strerror(error.errnum) if error.errnum else error.string.rpartition(": ")[2]
    if error.errnum == errno.EINVAL:
        return BadInputError(
            f"The address of {endpoint.label} is no NBD address.",
            remedy="Write nbd://host:port/name or nbd+unix:///name?socket=/path.",
        )
    if "handshake:" in error.string:
        return OperatorNeededError(
            f"{endpoint.label} is not served: {reason}.", remedy="Check the name of the export and who may use it."
        )
    return RetryableError(f"{endpoint.label} does not answer: {reason}.", remedy="Check that its NBD server runs.")


class Connections:
    """Up to `count` connections to one export; a server that cannot keep several consistent gets one.

    The first is opened at once, each other one by the thread that first uses it: on a slow line, opening takes longer
    than many a request, and the first can work meanwhile.
    """

    def __init__(self, endpoint: Endpoint, count: int) -> None:
        first = Connection(endpoint)
        self._endpoint = endpoint
        self._open: list[Connection | None] = [first, *[None] * (count - 1 if first.multi_conn else 0)]
        self._locks = [threading.Lock() for _ in self._open]
        self._aborted = False
        self.size = endpoint.size or first.size
        try:
            _expect_size(endpoint, first.size, self.size)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __getitem__(self, number: int) -> Connection:
        """:raises RetryableError: nobody answers any more. :raises OperatorNeededError: the size has changed."""
        number %= len(self._open)
        with self._locks[number]:
            connection = self._open[number]
            if connection is None:
                connection = self._open[number] = Connection(self._endpoint)
                _expect_size(self._endpoint, connection.size, self.size)
                if self._aborted:
                    connection.abort()
            return connection

    def abort(self) -> None:
        self._aborted = True
        for connection in self._open:
            if connection is not None:
                connection.abort()

    def close(self) -> None:
        """Once no thread uses them any more."""
        for connection in self._open:
            if connection is not None:
                connection.close()


def refuse_changed_size(endpoint: Endpoint, size: int) -> None:
    """Asks anew. :raises OperatorNeededError: the disk has shrunk or grown since it had `size` bytes."""
    with Connection(endpoint) as connection:
        _expect_size(endpoint, connection.size, size)


def _expect_size(endpoint: Endpoint, size: int, expected: int) -> None:
    # qemu serves a raw file that ends within a sector as if it were filled up with zeroes.
    if size != expected and size != -(-expected // _SECTOR) * _SECTOR:
        raise OperatorNeededError(
            f"{endpoint.label} {'shrank' if size < expected else 'grew'} from {expected} to {size} bytes.",
            remedy="Let nothing resize a disk that is being copied; then start again.",
        )

"""Standard output and error where they are closed, full, or read by nobody: no exit code may come of that by chance."""

import io
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from drover.errors import OperatorNeededError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

PIPE_CLOSED = 141


class ReaderLeft(Exception):  # noqa: N818 - no error
    """Whoever reads our output has gone, as after `| head`. Not a `BrokenPipeError`: that may be one to a host, too."""


class _Output(io.FileIO):
    def write(self, data: "ReadableBuffer", /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            raise ReaderLeft from None
        except OSError as error:
            raise OperatorNeededError(
                f"The output cannot be written: {error.strerror}.",
                remedy="Make room where it goes, or send it elsewhere, and run the command again.",
            ) from None


def prepare() -> None:
    """Opens what was closed for us (`>&-`), else an image that is opened next would take its place and our output; and
    lets what goes wrong with the output be told from what goes wrong with hosts and files."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free, which is this one
    if sys.stdout is None or sys.stdout is sys.__stdout__:
        sys.stdout = _text(_Output(1, "w", closefd=False), sys.stdout)
    if sys.stderr is None:
        sys.stderr = _text(io.FileIO(2, "w", closefd=False), None)


def _text(raw: io.FileIO, like: TextIO | None) -> TextIO:
    encoding = like.encoding if like else "utf-8"
    errors = like.errors if like else "backslashreplace"
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding, errors, line_buffering=raw.isatty())


def flushed(code: int) -> int:
    """The code, or `PIPE_CLOSED` where the rest of the output cannot be given to anybody.

    :raises OperatorNeededError: it cannot be written where it was sent to.
    """
    try:
        sys.stdout.flush()
    except ReaderLeft:
        return PIPE_CLOSED
    return code


def told(text: str) -> None:
    """Text on standard error. Where that cannot be written, the exit code is all that is left to tell."""
    import typer

    with suppress(OSError):
        typer.echo("\n".join(map(visible, text.split("\n"))), err=True)


def visible(text: str) -> str:
    """What a name or a file brought along may not steer the terminal."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def finish() -> None:
    """Leaves nothing to flush: the interpreter does it once more at its end, and would end with a code of its own."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ReaderLeft, OperatorNeededError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            stream.flush()

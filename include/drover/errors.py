"""Every error that Drover raises on purpose, in one tree.

    DroverError
    ├── RetryableError        the same call may succeed later: a connection that dropped, a host that is busy
    ├── OperatorNeededError   a person must change something first
    │   └── BadInputError     a file, a name or an option is wrong; nothing was begun
    └── CorruptionError       what arrived is not what was sent; never retried, never overruled

Each message is one plain sentence that says what is wrong and where; `remedy` says what to do about it.
"""


class DroverError(Exception):
    """What went wrong, in words for the person who must deal with it.

    :param message: one sentence: what is wrong, and where (file, line, machine, host, byte range).
    :param remedy: one sentence: what to do.
    """

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message, remedy)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.message, self.remedy))


def _rebuild(kind: type[DroverError], message: str, remedy: str) -> DroverError:
    """Pickle calls an exception with its positional arguments only; ours has a keyword."""
    return kind(message, remedy=remedy)


class RetryableError(DroverError):
    """The same call may succeed later."""


class OperatorNeededError(DroverError):
    """A person must change something before this can succeed; trying again alone will not help."""


class BadInputError(OperatorNeededError):
    """A file, a name or an option is wrong; nothing was begun."""


class CorruptionError(DroverError):
    """What arrived is not what was sent."""

"""The border of a hypervisor: what its libraries raise becomes Drover's errors. Each kind brings its own words."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from drover.errors import DroverError


@contextmanager
def errors_by(translate: Callable[[Exception], DroverError | None]) -> Iterator[None]:
    """Turns what goes wrong inside into a DroverError.

    :param translate: gives it, or None for what is none of the libraries' (a mistake of ours), which goes through.
    """
    try:
        yield
    except DroverError:
        raise
    except Exception as error:
        translated = translate(error)
        if translated is None:
            raise
        raise translated from error


def one_line(text: object) -> str:
    """A library's words as a part of a sentence of ours; None are no words."""
    return "" if text is None else " ".join(str(text).split()).rstrip(".")

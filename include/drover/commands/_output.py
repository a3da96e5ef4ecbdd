"""A file that the caller names for what a command makes: whole, or as it was before."""

from pathlib import Path

from drover.errors import BadInputError
from drover.evidence.files import write_atomically


def put(path: Path, text: str, what: str) -> None:
    """:param what: the text, for messages. :raises BadInputError: it cannot be written there."""
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8")  # a device or a pipe, which nothing may take the place of
        else:
            path.parent.stat()  # a folder that is mistyped is not made
            write_atomically(path.resolve(), text.encode())
    except OSError as error:
        raise BadInputError(
            f"The {what} cannot be written to {path}: {error.strerror}.", remedy="Name a file in a folder of yours."
        ) from None

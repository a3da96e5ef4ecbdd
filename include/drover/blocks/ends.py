"""The two ends of `./drover copy` and `./drover verify`: an image file or an NBD address."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from drover.blocks.endpoint import Endpoint
from drover.blocks.images import serve
from drover.blocks.probe import Image, probe
from drover.errors import BadInputError, OperatorNeededError

_SCHEMES = ("nbd", "nbds", "nbd+unix", "nbds+unix")


@dataclass(frozen=True, slots=True)
class Address:
    """An NBD export by its URI."""

    uri: str

    @property
    def label(self) -> str:
        """The URI without the name of the user that TLS may put into it."""
        parts = urlsplit(self.uri)
        host = parts.netloc.rpartition("@")[2]
        return f"export {parts._replace(netloc=host).geturl()}"


def parse_end(text: str) -> Path | Address:
    """:raises BadInputError: it is an address, but not of NBD; or there is nothing at all."""
    if text.split("://")[0] in _SCHEMES:
        return Address(text)
    if "://" in text and not os.path.exists(text):
        raise BadInputError(
            f"'{text}' is no address that Drover can copy from or to.",
            remedy="Name an image file, nbd://host:port/name or nbd+unix:///name?socket=/path.",
        )
    if not text:
        raise BadInputError("An empty name is no image.", remedy="Name an image file or an NBD address.")
    return Path(text)


@contextmanager
def open_source(end: Path | Address, format: str | None, *, direct: bool = False) -> Iterator[Endpoint]:
    """The end served read-only. On leaving it is looked at again.

    :raises BadInputError: it is no disk. :raises OperatorNeededError: it was written in the meantime.
    """
    if isinstance(end, Address):
        # Nobody can ask an export when it was written. The same address is taken for the same bytes, as whoever
        # types the same command again means it; the mover's samples and the read-back look at it all the same.
        yield Endpoint(uri=end.uri, label=end.label, version=f"as addressed: {end.uri}")
        return
    image = probe(end, format)
    with serve(image, read_only=True, direct=direct) as endpoint:
        yield endpoint
    refuse_changed(image)


def refuse_changed(image: Image) -> None:
    """:raises OperatorNeededError: the image is not what it was when it was probed."""
    try:
        now = probe(image.path, image.format)
    except BadInputError as error:
        raise OperatorNeededError(
            f"The {image.label} was taken away while it was read: {error.message}",
            remedy="Put it back and start again.",
        ) from None
    if now.size != image.size:
        verb = "shrank" if now.size < image.size else "grew"
        what = f"{verb} from {image.size} to {now.size} bytes"
    elif now.version != image.version:
        what = "was written"
    else:
        return
    raise OperatorNeededError(
        f"The {image.label} {what} while it was read.", remedy="Stop what writes to it, then start again."
    )

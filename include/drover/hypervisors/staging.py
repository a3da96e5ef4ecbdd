"""The local folder in which disks wait on their way to or from a platform that cannot be written at random."""

import os
import shutil
from pathlib import Path

from drover.errors import OperatorNeededError

_VARIABLE = "DROVER_STAGING"
_USUAL = "/var/lib/drover/staging"


def staging_root() -> Path:
    """`DROVER_STAGING`; nothing is made."""
    return Path(os.environ.get(_VARIABLE) or _USUAL)


def staging_folder(*names: str) -> Path:
    """`DROVER_STAGING`, or a folder in it, made where it is missing; only this user may enter it.

    :raises OperatorNeededError: it cannot be made.
    """
    folder = staging_root().joinpath(*names)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise OperatorNeededError(
            f"The staging folder {folder} cannot be made: {error.strerror}.",
            remedy=f"Make it, or name another one in {_VARIABLE}.",
        ) from None
    return folder


def require_room(folder: Path, needed: int, what: str) -> None:
    """:param what: what is to lie there, for the message. :raises OperatorNeededError: there is less room than that."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OperatorNeededError(
            f"{what} needs {needed} bytes in the staging folder {folder}, and {free} are free.",
            remedy=f"Make room there, or name another folder in {_VARIABLE}.",
        )

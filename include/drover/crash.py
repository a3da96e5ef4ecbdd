"""Keeps the traceback of an error that nobody expected, so that a person sees a sentence and a developer the rest."""

import os
import tempfile
import traceback
from pathlib import Path


def keep_traceback(error: BaseException) -> Path | None:
    """Writes the traceback to a file of its own, readable by its owner only, and returns where it is.

    :returns: None where no file could be written.
    """
    text = "".join(traceback.format_exception(error))
    for folder in _folders():
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, name = tempfile.mkstemp(prefix="error-", suffix=".log", dir=folder)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            return Path(name)
        except OSError:
            continue  # a full or read-only place: the next one
    return None


def _folders() -> list[Path]:
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return [Path(state) / "drover", Path(tempfile.gettempdir())]

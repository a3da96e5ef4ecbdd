"""Names: which a machine may have, and the key by which Airflow and the file system may call it."""

import hashlib
import re

# What Airflow takes as a task group's id, and any file system as a folder's name. A doubled hyphen is ours alone.
_SAFE = re.compile(r"(?!.*--)[A-Za-z0-9_][A-Za-z0-9_-]{0,79}")
_LONGEST_SLUG = 60


def problem(name: str) -> str | None:
    """Why no machine can have this name, in words; None where one can."""
    if not name.strip():
        return "a machine's name must not be empty"
    if "/" in name:
        return f"the name {name!r} has a slash in it, with which no machine is moved: rename it first"
    odd = next((character for character in name if not character.isprintable()), None)
    if odd == "\n":
        return f"the name {name!r} has a line break in it, with which no machine is moved: rename it first"
    if odd is not None:
        return f"the name {name!r} has the unprintable character U+{ord(odd):04X} in it"
    return None


def key(name: str) -> str:
    """A name that is safe as a task group's id and as a folder: [A-Za-z0-9_-], up to 80 characters.

    It depends on the name alone, so it stays the same while other machines come and go. A safe name is its own key;
    any other gets a digest behind a doubled hyphen, which no safe name has, so two names never share a key.
    """
    if _SAFE.fullmatch(name):
        return name
    slug = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")[:_LONGEST_SLUG] or "machine"
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=5).hexdigest()
    return f"{slug}--{digest}"

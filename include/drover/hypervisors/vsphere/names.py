"""Names as vCenter keeps them: `/`, `\\` and `%` are written %2f, %5c and %25. People read and write them plain.

A machine's name in a wave file is the plain name, never a path: `a/b` is a machine with a slash in its name.
"""

import re

_PLAIN = {"%25": "%", "%2f": "/", "%5c": "\\"}
_ESCAPED = {plain: escaped for escaped, plain in _PLAIN.items()}


def unescape(name: str) -> str:
    return re.sub("%(?:25|2f|5c)", lambda found: _PLAIN[found.group().lower()], name, flags=re.IGNORECASE)


def escape(name: str) -> str:
    """As the server keeps it, and as inventory paths want it."""
    return re.sub(r"[%/\\]", lambda found: _ESCAPED[found.group()], name)


def to_give(name: str) -> str:
    """For calls that name something: the server escapes by itself, and takes what looks escaped for escaped."""
    return re.sub("%(?=25|2f|5c)", "%25", name, flags=re.IGNORECASE)

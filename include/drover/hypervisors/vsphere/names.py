"""Names as vCenter keeps them: `/`, `\\` and `%` are written %2f, %5c and %25. People read and write them plain.

A machine's name in a wave file is the plain name, never a path: `a/b` is a machine with a slash in its name.
"""

import re

_PLAIN = {"%25": "%", "%2f": "/", "%5c": "\\"}
_ESCAPED = {plain: escaped for escaped, plain in _PLAIN.items()}


def unescape(name: str) -> str:
    return re.sub("%(?:25|2f|5c)", lambda found: _PLAIN[found.group().lower()], name, flags=re.IGNORECASE)


def escape(name: str) -> str:
    """For every call that gives something a name, or asks for one by its name or path."""
    return re.sub(r"[%/\\]", lambda found: _ESCAPED[found.group()], name)

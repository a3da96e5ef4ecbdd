"""Path patterns of an allow-list: `*` and `?` stay in one folder, `**` crosses folders, `[a-z]` is one character."""

import re
from collections.abc import Sequence
from functools import cache


def matcher(patterns: Sequence[str]) -> re.Pattern[str]:
    """Matches a whole path that any of the patterns covers; without patterns, none."""
    return re.compile("|".join(f"(?:{_regex(pattern)})" for pattern in patterns) or r"(?!)", re.DOTALL)


@cache
def _regex(pattern: str) -> str:
    out, at = "", 0
    while at < len(pattern):
        piece, at = _piece(pattern, at)
        out += piece
    return out + r"\Z"


def _piece(pattern: str, at: int) -> tuple[str, int]:
    """The regular expression of what begins here, and where the next begins."""
    if pattern.startswith("/**/", at):
        return "/(?:.*/)?", at + 4
    if pattern[at:] == "/**":  # the folder itself, and everything below it
        return "(?:/.*)?", at + 3
    if pattern.startswith("**", at):
        return ".*", at + 2
    char = pattern[at]
    if char == "[" and (end := pattern.find("]", at + 2)) > 0:
        return _set(pattern[at + 1 : end]), end + 1
    return {"*": "[^/]*", "?": "[^/]"}.get(char, re.escape(char)), at + 1


def _set(inner: str) -> str:
    negated = inner[:1] in ("!", "^")
    body = (inner[1:] if negated else inner).replace("\\", r"\\").replace("[", r"\[").replace("^", r"\^")
    return f"(?!/)[{'^' if negated else ''}{body}]"

"""Parses a script with the real grammar, and refuses what Windows PowerShell 5.1 would refuse.

The grammar (tree-sitter-pwsh) takes a few things that no PowerShell takes, and some that only PowerShell 7 does; those
are looked for here. It also refuses a few one-line forms that PowerShell takes (`param()` before `process`, several
cases of a `switch`): written over several lines they are fine, and read better.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

# They belong to a statement; the grammar takes them for commands where that is missing.
_KEYWORDS = {"else", "elseif", "catch", "finally", "until", "begin", "process", "end", "param", "in"}
# Operators that PowerShell 5.1 does not know.
_ONLY_IN_7 = {"??", "??=", "?.", "?[", "&&", "||", "?", "ternary_expression"}


@dataclass(frozen=True, slots=True)
class Mistake:
    """Where a script is no PowerShell 5.1. :param line: from 1."""

    line: int
    what: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.what}"


class SyntaxMistakeError(Exception):
    """The script is no PowerShell 5.1."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        super().__init__("; ".join(map(str, mistakes)))
        self.mistakes = mistakes


def parse(script: str) -> "Node":
    """The script's tree. :raises SyntaxMistakeError: Windows PowerShell 5.1 would not take it."""
    root = _parser().parse(script.encode()).root_node
    mistakes = list(_mistakes(root))
    if mistakes:
        raise SyntaxMistakeError(mistakes)
    return root


def text(node: "Node") -> str:
    return (node.text or b"").decode()


@cache
def _parser() -> "Parser":
    import tree_sitter_pwsh
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_pwsh.language()))


def _mistakes(node: "Node") -> Iterator[Mistake]:
    found = _mistake(node)
    if found:
        yield Mistake(node.start_point[0] + 1, found)
    for child in node.children:
        yield from _mistakes(child)


def _mistake(node: "Node") -> str | None:
    if node.is_error:
        return f"no PowerShell: {text(node)[:40]!r}"
    if node.is_missing:
        return f"{node.type!r} is missing"
    if node.type in _ONLY_IN_7:
        return f"{node.type!r} is known to PowerShell 7 only"
    if node.type == "command_name" and text(node).lower() in _KEYWORDS:
        return f"{text(node)!r} without its statement"
    if node.type == "try_statement" and not {child.type for child in node.children} & {
        "catch_clauses",
        "finally_clause",
    }:
        return "'try' without 'catch' or 'finally'"
    return None

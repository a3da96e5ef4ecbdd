"""YAML as plain values, with the line and column of each: read from the parser's events, and nothing else.

No tag is ever followed, so no file can make the reader build an object. Working on events also keeps hostile nesting
and aliases that multiply from reaching a recursive composer (libyaml's crashes the process at 100 000 brackets).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from drover.waves.rules import Place

MAX_DEPTH = 20

_INT = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_CONSTANTS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
# The C parser takes a tenth of the time; PyYAML may have been built without it.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Mark:
    """Where something begins, counted from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class TreeFault:
    """A mistake in the YAML itself. :param fatal: nothing behind it could be read."""

    mark: Mark
    place: Place
    problem: str
    expected: str
    fatal: bool = False


@dataclass(slots=True)
class Tree:
    """:param keys: where each key stands. :param values: where each value begins."""

    value: Any = None
    empty: bool = True
    keys: dict[Place, Mark] = field(default_factory=dict)
    values: dict[Place, Mark] = field(default_factory=dict)
    faults: list[TreeFault] = field(default_factory=list)
    # Where a value could not be told, so that nobody complains about its absence too.
    unread: set[Place] = field(default_factory=set)
    # What a scalar looks like in the file, where it is neither quoted nor text.
    sources: dict[Place, str] = field(default_factory=dict)


class _Stop(Exception):
    """Reading cannot go on; the fault is noted."""


def read_tree(text: str) -> Tree:
    """Never raises: what is wrong is in `faults`."""
    tree = Tree()
    try:
        _Reader(tree, yaml.parse(text, Loader=_LOADER)).document()
    except _Stop:
        pass
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = Mark(mark.line + 1, mark.column + 1) if mark else Mark(1, 1)
        tree.faults.append(TreeFault(where, (), *_syntax_words(text, where, error.problem or "not YAML"), fatal=True))
    except yaml.YAMLError as error:
        tree.faults.append(TreeFault(Mark(1, 1), (), "this is not YAML: " + str(error).splitlines()[0], "", fatal=True))
    return tree


class _Reader:
    def __init__(self, tree: Tree, events: Iterator[Any]) -> None:
        self.tree = tree
        self.events = events

    def document(self) -> None:
        event = next(self.events)
        while isinstance(event, yaml.StreamStartEvent | yaml.DocumentStartEvent):
            event = next(self.events)
        if isinstance(event, yaml.StreamEndEvent):
            return
        self.tree.value = self.node(event, ())
        self.tree.empty = self.tree.value is None
        next(self.events)  # the document's end
        event = next(self.events)
        if not isinstance(event, yaml.StreamEndEvent):
            self.fault(event, (), "a second document begins here", "one wave a file")

    def node(self, event: Any, place: Place) -> Any:
        self.tree.values[place] = _mark(event)
        if len(place) > MAX_DEPTH:
            self.fault(event, place[:3], "this is nested too deep", f"at most {MAX_DEPTH} levels", fatal=True)
        if isinstance(event, yaml.AliasEvent):
            self.tree.unread.add(place)
            return self.fault(event, place, f"the alias '*{event.anchor}' is not followed here", "the value itself")
        if event.tag is not None:
            self.fault(event, place, f"the tag '{event.tag}' is not followed here", "a plain value")
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event, place)
        return self.sequence(place) if isinstance(event, yaml.SequenceStartEvent) else self.mapping(place)

    def scalar(self, event: Any, place: Place) -> Any:
        text: str = event.value
        if not event.implicit[0]:
            return text
        if text in _CONSTANTS:
            value: Any = _CONSTANTS[text]
        elif _INT.fullmatch(text):
            value = int(text)
        elif _FLOAT.fullmatch(text):
            value = float(text)
        else:
            return text
        self.tree.sources[place] = text
        return value

    def sequence(self, place: Place) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self.node(event, (*place, len(items))))
        return items

    def mapping(self, place: Place) -> dict[str, Any]:
        items: dict[str, Any] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self.key(event, place)
            inner = (*place, key)
            mark = _mark(event)
            known = key in items
            if known:
                first = self.tree.keys[inner].line
                self.fault(event, inner, f"the key '{key}' is here twice, first in line {first}", "each key once")
            value = self.node(next(self.events), inner)
            if not known:
                items[key] = value
                self.tree.keys[inner] = mark
        return items

    def key(self, event: Any, place: Place) -> str:
        """A key is always text here, however it looks: a network may be called 100 or on."""
        if isinstance(event, yaml.ScalarEvent):
            return str(event.value)
        self.fault(event, place, "a key must be one word", "text, then a colon", fatal=True)
        raise AssertionError("a fatal fault raises")

    def fault(self, event: Any, place: Place, problem: str, expected: str, *, fatal: bool = False) -> None:
        self.tree.faults.append(TreeFault(_mark(event), place, problem, expected, fatal))
        if fatal:
            raise _Stop


def _mark(event: Any) -> Mark:
    return Mark(event.start_mark.line + 1, event.start_mark.column + 1)


def _syntax_words(text: str, where: Mark, problem: str) -> tuple[str, str]:
    lines = text.splitlines()
    line = lines[where.line - 1] if where.line <= len(lines) else ""
    if "\t" in line[: max(where.column, len(line) - len(line.lstrip()))]:
        return "the line is indented with a tab", "spaces"
    return f"this is not YAML: {problem}", "YAML as in the examples"

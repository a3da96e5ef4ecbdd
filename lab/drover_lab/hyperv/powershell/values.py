"""The values that scripts work with. Strings, booleans, integers, doubles, dates, GUIDs and arrays are Python's own."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tree_sitter import Node


class Nothing:
    """What a pipeline leaves that wrote nothing: $null nearly everywhere, but empty in @() and in a pipeline."""


NOTHING = Nothing()


class Names(dict[str, Any]):
    """A mapping whose keys do not care for case and keep the one they came with, as everything in PowerShell does."""

    def __init__(self, values: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self._spelled: dict[str, str] = {}
        for name, value in (values or {}).items():
            self[name] = value

    def _key(self, name: object) -> Any:
        return self._spelled.get(name.lower(), name) if isinstance(name, str) else name

    def __setitem__(self, name: str, value: Any) -> None:
        key = self._key(name)
        if isinstance(key, str):
            self._spelled[key.lower()] = key
        super().__setitem__(key, value)

    def __getitem__(self, name: str) -> Any:
        return super().__getitem__(self._key(name))

    def __delitem__(self, name: str) -> None:
        key = self._key(name)
        super().__delitem__(key)
        if isinstance(key, str):
            del self._spelled[key.lower()]

    def __contains__(self, name: object) -> bool:
        return super().__contains__(self._key(name))

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(self._key(name), default)


class Hashtable(Names):
    """@{}. :ivar ordered: [ordered]@{}, whose order scripts may rely on."""

    ordered = False


class Wrapped(list[Any]):
    """An array that went through a pipeline as one object: ConvertTo-Json of 5.1 writes it as {"value", "Count"}."""


class GenericList(list[Any]):
    """[System.Collections.Generic.List[object]]: it grows, an array does not."""


@dataclass(slots=True)
class PsObject:
    """An object with properties.

    :param type: its full .NET name. :param made: made by a script: what it lacks is $null and may be added; what an
        object of Windows lacks here is not modelled.
    :param text: what it is as a string; None: as PowerShell writes objects of a script.
    """

    type: str
    properties: Names
    made: bool = False
    text: str | None = None
    hidden: Any = None  # what the host knows of it
    ancestors: tuple[str, ...] = ()
    methods: Mapping[str, Callable[..., Any]] = field(default_factory=dict)  # by their names in lower case
    settable: frozenset[str] = frozenset()  # properties of an object of Windows that a script may set, in lower case


CUSTOM = "System.Management.Automation.PSCustomObject"


def custom(values: Mapping[str, Any]) -> PsObject:
    return PsObject(CUSTOM, Names(values), made=True)


@dataclass(frozen=True, slots=True)
class Enum:
    """A value of an enumeration. :param type: its full name."""

    type: str
    name: str
    number: int


@dataclass(frozen=True, slots=True)
class Version:
    """[version]: numbers with dots."""

    parts: tuple[int, ...]

    def __str__(self) -> str:
        return ".".join(map(str, self.parts))


@dataclass(frozen=True, slots=True)
class TypeName:
    """A type as a value: [string], [int[]]. :param name: its short name in lower case."""

    name: str


@dataclass(frozen=True, slots=True)
class ScriptBlock:
    """:param node: holds statements. :param parameters: names and default expressions."""

    body: "Node | None"
    parameters: "tuple[Parameter, ...]"
    text: str


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    types: tuple[TypeName, ...]
    default: "Node | None"


@dataclass(frozen=True, slots=True)
class Method:
    """Something of .NET that can be called, by members or of types."""

    name: str
    call: Callable[..., Any]


@dataclass(slots=True)
class Scope:
    """Variables as a script block sees them: its own, then those of who called it."""

    outer: "Scope | None" = None
    variables: Names = field(default_factory=Names)

    def find(self, name: str) -> "Scope | None":
        scope: Scope | None = self
        while scope is not None:
            if name in scope.variables:
                return scope
            scope = scope.outer
        return None

    def get(self, name: str) -> Any:
        scope = self.find(name)
        return scope.variables[name] if scope else None

    def top(self) -> "Scope":
        scope = self
        while scope.outer is not None:
            scope = scope.outer
        return scope


def plain(value: Any) -> Any:
    """Without the difference between nothing and $null."""
    return None if value is NOTHING else value


def items(value: Any) -> Iterator[Any]:
    """What a pipeline takes from a value: the elements of what it enumerates, otherwise the value itself."""
    if value is NOTHING:
        return
    if isinstance(value, list | tuple | bytes):
        yield from value
    else:
        yield value


def collected(output: list[Any]) -> Any:
    """What an assignment keeps of what a pipeline wrote."""
    if not output:
        return NOTHING
    return output[0] if len(output) == 1 else output

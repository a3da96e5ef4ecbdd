"""Numbers, strings, names of variables and types, as scripts write them."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from drover_lab.hyperv.powershell.faults import is_exception
from drover_lab.hyperv.powershell.values import TypeName
from drover_lab.hyperv.soap import NotModelledError

if TYPE_CHECKING:
    from tree_sitter import Node

_UNITS = {"kb": 2**10, "mb": 2**20, "gb": 2**30, "tb": 2**40, "pb": 2**50}
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_TYPES = {
    "int32": "int", "int64": "long", "boolean": "bool", "switchparameter": "switch", "management.automation.psobject":
    "psobject", "management.automation.pscustomobject": "pscustomobject", "collections.hashtable": "hashtable",
    "encoding": "text.encoding", "path": "io.path",
}  # fmt: skip


def source(node: "Node") -> str:
    return (node.text or b"").decode()


def parts(node: "Node") -> "list[Node]":
    """Its children that mean something."""
    return [child for child in node.named_children if child.type != "comment"]


def integer(written: str) -> int:
    found = re.fullmatch(r"(0x[0-9a-f]+|\d+)(kb|mb|gb|tb|pb)?", written.lower())
    if not found:
        raise NotModelledError(f"the number {written}")
    return int(found[1], 0 if found[1].startswith("0x") else 10) * _UNITS.get(found[2] or "", 1)


def real(written: str) -> float:
    if not re.fullmatch(r"\d*\.\d+", written):
        raise NotModelledError(f"the number {written}")
    return float(written)


def verbatim(written: str) -> str:
    if written.startswith("@"):
        raise NotModelledError("a here-string")
    return written[1:-1].replace("''", "'")


def expand(node: "Node", part: Callable[["Node"], str]) -> str:
    """A string in double quotes. :param part: writes a variable or $() inside it."""
    raw, start = node.text or b"", node.start_byte
    if node.type != "expandable_string_literal":
        raise NotModelledError("a here-string")
    written, at = [], 1
    for child in node.named_children:
        written.append(_unescaped(raw[at : child.start_byte - start].decode()))
        written.append(part(child))
        at = child.end_byte - start
    written.append(_unescaped(raw[at:-1].decode()))
    return "".join(written)


def _unescaped(raw: str) -> str:
    if "`u{" in raw or "`e" in raw:
        raise NotModelledError("an escape of PowerShell 7")
    return re.sub(r'`(.)|""', lambda found: _ESCAPED.get(found[1], found[1]) if found[1] else '"', raw, flags=re.DOTALL)


def variable(node: "Node") -> str:
    """The name without $ and braces."""
    return name_of(source(node))


def name_of(written: str) -> str:
    if written.startswith("${"):
        return written[2:-1]
    return written[1:]


def type_name(node: "Node") -> TypeName:
    """[...] as a value."""
    written = source(node).strip("[]") if not source(node).endswith("[]]") else source(node)[1:-1]
    low = written.lower().replace(" ", "")
    if low.removeprefix("system.").startswith("collections.generic.list["):
        return TypeName("generic.list")
    if is_exception(low):
        return TypeName(low)
    element, array = (low[:-2], "[]") if low.endswith("[]") else (low, "")
    element = element.removeprefix("system.")
    return TypeName(_TYPES.get(element, element) + array)

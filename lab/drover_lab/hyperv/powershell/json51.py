"""ConvertTo-Json and ConvertFrom-Json of Windows PowerShell 5.1, which are not those of PowerShell 7."""

import json
import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from drover_lab.hyperv.powershell.convert import text, ticks_of
from drover_lab.hyperv.powershell.faults import CmdletFault
from drover_lab.hyperv.powershell.values import Enum, Hashtable, PsObject, Version, Wrapped, custom, plain
from drover_lab.hyperv.soap import NotModelledError

_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "'": "\\u0027"}
_GREATEST_DEPTH = 100


def to_json(value: Any, depth: int) -> str:
    """Compressed. What lies deeper than `depth` becomes a string."""
    if not 1 <= depth <= _GREATEST_DEPTH:
        raise NotModelledError(f"ConvertTo-Json -Depth {depth}")
    return _written(_tree(value, depth))


def _written(tree: Any) -> str:
    if isinstance(tree, dict):
        return "{" + ",".join(f"{_string(name)}:{_written(item)}" for name, item in tree.items()) + "}"
    if isinstance(tree, list):
        return "[" + ",".join(_written(item) for item in tree) + "]"
    if isinstance(tree, str):
        return _string(tree)
    return json.dumps(tree)


def _string(value: str) -> str:
    written = re.sub("[<>&']", lambda found: _ESCAPES[found[0]], json.dumps(value, ensure_ascii=False))
    return written.replace("/", "\\/") if value.startswith("/Date(") else written


def _tree(value: Any, left: int) -> Any:
    value = plain(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    for kind, write in _SCALARS.items():
        if isinstance(value, kind):
            return write(value)
    if left < 0:
        return text(value)
    if isinstance(value, Wrapped):
        return {"value": [_tree(item, left - 1) for item in value], "Count": len(value)}
    if isinstance(value, list | bytes):
        return [_tree(item, left - 1) for item in value]
    if isinstance(value, Hashtable):
        return {text(name): _tree(item, left - 1) for name, item in value.items()}
    if isinstance(value, PsObject) and value.made:
        return {name: _tree(item, left - 1) for name, item in value.properties.items()}
    # An object of Windows has more properties than the model knows: its JSON cannot be what Windows writes.
    raise NotModelledError("ConvertTo-Json of an object whose properties were not picked")


def _date(value: datetime) -> str:
    aware = value if value.tzinfo else value.replace(tzinfo=UTC)
    return f"/Date({int(aware.timestamp() * 1000)})/"


def _span(value: timedelta) -> dict[str, Any]:
    ticks, seconds = ticks_of(value), value.total_seconds()
    whole = int(abs(seconds)) * (1 if seconds >= 0 else -1)
    return {
        "Ticks": ticks, "Days": whole // 86400, "Hours": whole // 3600 % 24, "Milliseconds": ticks // 10_000 % 1000,
        "Minutes": whole // 60 % 60, "Seconds": whole % 60, "TotalDays": seconds / 86400, "TotalHours": seconds / 3600,
        "TotalMilliseconds": seconds * 1000, "TotalMinutes": seconds / 60, "TotalSeconds": seconds,
    }  # fmt: skip


_SCALARS: dict[type, Callable[[Any], Any]] = {
    Enum: lambda value: value.number,
    uuid.UUID: str,
    datetime: _date,
    timedelta: _span,
    Version: lambda value: {
        name: value.parts[place] if place < len(value.parts) else -1
        for place, name in enumerate(("Major", "Minor", "Build", "Revision"))
    },
}


def from_json(document: str) -> Any:
    """An object, an array or a scalar."""
    if not document.strip():
        raise NotModelledError("ConvertFrom-Json of nothing")
    try:
        return json.loads(document, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        raise CmdletFault(
            f"Invalid JSON primitive: {document.strip().split()[0][:40]}.",
            "System.ArgumentException",
            "NotSpecified",
            "System.ArgumentException",
            ends=True,
        ) from error


def _object(pairs: list[tuple[str, Any]]) -> PsObject:
    found = custom({})
    for name, value in pairs:
        if name in found.properties or not name:
            raise CmdletFault(
                f"Cannot convert the JSON string because a dictionary that was converted from the string contains the "
                f"duplicated keys '{name}' and '{name}'.",
                "DuplicateKeysInJsonString",
                "InvalidOperation",
                "System.InvalidOperationException",
                ends=True,
            )
        if isinstance(value, str) and value.startswith("/Date("):
            raise NotModelledError("a date in JSON")
        found.properties[name] = value
    return found

"""The methods and properties of .NET that scripts may call on types."""

import base64
import math
import ntpath
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from drover_lab.hyperv.powershell.casts import cast
from drover_lab.hyperv.powershell.convert import INTEGERS, number, text
from drover_lab.hyperv.powershell.faults import NetException, called, exception_name
from drover_lab.hyperv.powershell.methods import Arguments, Encoding
from drover_lab.hyperv.powershell.operators import formatted
from drover_lab.hyperv.powershell.values import NOTHING, GenericList, TypeName, items, plain
from drover_lab.hyperv.soap import NotModelledError


def _decoded(value: Any) -> bytes:
    try:
        return base64.b64decode(text(value), validate=True)
    except ValueError:
        raise called("FromBase64String", 1, NetException(
            "System.FormatException", "The input is not a valid Base-64 string.")) from None  # fmt: skip


def _rounded(value: Any, digits: int = 0) -> Any:
    return float(round(float(number(value)), digits))


def _blank(value: Any) -> bool:
    return not text(value).strip()


def _try_format(template: Any, *values: Any) -> str:
    return formatted(template, list(values))


_STATIC: dict[tuple[str, str], Callable[..., Any]] = {
    ("convert", "tobase64string"): lambda data: base64.b64encode(bytes(data)).decode(),
    ("convert", "frombase64string"): _decoded,
    ("string", "isnullorempty"): lambda value: text(value) == "",
    ("string", "isnullorwhitespace"): _blank,
    ("string", "join"): lambda by, *values: text(by).join(text(one) for value in values for one in items(value)),
    ("string", "format"): _try_format,
    ("math", "max"): lambda one, other: max(number(one), number(other)),
    ("math", "min"): lambda one, other: min(number(one), number(other)),
    ("math", "abs"): lambda one: abs(number(one)),
    ("math", "floor"): lambda one: float(math.floor(number(one))),
    ("math", "ceiling"): lambda one: float(math.ceil(number(one))),
    ("math", "round"): _rounded,
    ("guid", "newguid"): uuid.uuid4,
    ("guid", "parse"): lambda value: cast(value, TypeName("guid")),
    ("timespan", "fromseconds"): lambda count: timedelta(seconds=number(count)),
    ("timespan", "fromminutes"): lambda count: timedelta(minutes=number(count)),
    ("timespan", "fromhours"): lambda count: timedelta(hours=number(count)),
    ("io.path", "combine"): lambda *parts: ntpath.join(*map(text, parts)),
    ("io.path", "getfilename"): lambda path: ntpath.basename(text(path)),
    ("io.path", "getdirectoryname"): lambda path: ntpath.dirname(text(path)),
    ("io.path", "getextension"): lambda path: ntpath.splitext(text(path))[1],
    ("io.path", "getfilenamewithoutextension"): lambda path: ntpath.splitext(ntpath.basename(text(path)))[0],
    ("io.path", "getpathroot"): lambda path: _root(text(path)),
    ("io.path", "ispathrooted"): lambda path: text(path).startswith(("\\", "/")) or text(path)[1:2] == ":",
    ("generic.list", "new"): lambda *given: GenericList(items(given[0] if given else NOTHING)),
}


def _root(path: str) -> str:
    drive, rest = ntpath.splitdrive(path)
    return drive + (rest[:1] if rest[:1] in "\\/" else "")


_PROPERTIES: dict[tuple[str, str], Callable[[], Any]] = {
    ("text.encoding", "utf8"): lambda: Encoding("utf-8"),
    ("text.encoding", "unicode"): lambda: Encoding("utf-16-le"),
    ("text.encoding", "ascii"): lambda: Encoding("ascii"),
    ("datetime", "utcnow"): lambda: datetime.now(UTC),
    ("datetime", "now"): lambda: datetime.now().astimezone(),
    ("guid", "empty"): lambda: uuid.UUID(int=0),
    ("timespan", "zero"): timedelta,
    ("string", "empty"): str,
    **{(name, "maxvalue"): partial(int, high) for name, (_, high) in INTEGERS.items()},
}


def static(kind: TypeName, name: str, arguments: Arguments) -> Any:
    """[kind]::name(arguments)."""
    found = _STATIC.get((kind.name, name.lower()))
    if found is None:
        if name.lower() == "new":
            return _made(kind, arguments)
        raise NotModelledError(f"[{kind.name}]::{name}")
    try:
        return found(*map(plain, arguments))
    except TypeError:
        raise NotModelledError(f"[{kind.name}]::{name} with {len(arguments)} arguments") from None


def _made(kind: TypeName, arguments: Arguments) -> Any:
    name = exception_name(kind.name)
    if len(arguments) > 1:
        raise NotModelledError(f"[{kind.name}]::new with {len(arguments)} arguments")
    message = text(arguments[0]) if arguments else f"Exception of type '{name}' was thrown."
    return NetException(name, message)


def static_property(kind: TypeName, name: str) -> Any:
    """[kind]::name."""
    found = _PROPERTIES.get((kind.name, name.lower()))
    if found is None:
        raise NotModelledError(f"[{kind.name}]::{name}")
    return found()

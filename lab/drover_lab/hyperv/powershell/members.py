"""Properties of values, read and set."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from drover_lab.hyperv.powershell.convert import text, ticks_of, type_of
from drover_lab.hyperv.powershell.faults import ErrorRecord, NetException, ScriptFault, fault
from drover_lab.hyperv.powershell.values import (
    CUSTOM,
    Enum,
    GenericList,
    Hashtable,
    Names,
    PsObject,
    TypeName,
    Version,
    custom,
    plain,
)
from drover_lab.hyperv.soap import NotModelledError

_MISSING = object()


def get(value: Any, name: str, *, strict: bool) -> Any:
    """$value.name. :param strict: Set-StrictMode is on: what is not there is an error."""
    value = plain(value)
    found = _found(value, name)
    if found is not _MISSING:
        return found
    if isinstance(value, PsObject) and not value.made:
        raise NotModelledError(f"the property {name} of {value.type}")
    if not isinstance(value, PsObject | Hashtable | list | str | bool | int | float | Enum | bytes | None):
        raise NotModelledError(f"the property {name} of {type_of(value)}")
    if strict:
        raise _not_there(name)
    return None


def _not_there(name: str) -> ScriptFault:
    return fault(
        f"The property '{name}' cannot be found on this object. Verify that the property exists.",
        "PropertyNotFoundStrict",
        "NotSpecified",
        "System.Management.Automation.PropertyNotFoundException",
    )


def _found(value: Any, name: str) -> Any:
    low = name.lower()
    if low == "psobject" and isinstance(value, PsObject):
        return _reflection(value)
    if isinstance(value, PsObject):
        return value.properties[name] if name in value.properties else _count(value, low)
    if isinstance(value, Hashtable):
        return value[name] if name in value else _of_hashtable(value, low)
    if isinstance(value, list):
        return _of_list(value, name, low)
    if value is None:
        return 0 if low in ("count", "length") else _MISSING
    for kind, properties in _PROPERTIES.items():
        if isinstance(value, kind) and low in properties:
            return properties[low](value)
    if isinstance(value, Enum):
        return value.number if low == "value__" else _one(low)
    return _one(low)


def _one(low: str) -> Any:
    """A single value has a Count since PowerShell 3."""
    return 1 if low in ("count", "length") else _MISSING


def _count(value: PsObject, low: str) -> Any:
    # In Windows PowerShell 5.1 a [pscustomobject] alone has none; what it says then is $null.
    return _MISSING if value.type == CUSTOM else _one(low)


def _of_hashtable(value: Hashtable, low: str) -> Any:
    known: dict[str, Callable[[], Any]] = {
        "count": lambda: len(value),
        "keys": lambda: list(value.keys()),
        "values": lambda: list(value.values()),
    }
    return known[low]() if low in known else _MISSING


def _of_list(value: list[Any], name: str, low: str) -> Any:
    if low == "count" or (low == "length" and not isinstance(value, GenericList)):
        return len(value)
    if low in ("rank", "longlength", "syncroot", "isfixedsize", "capacity"):
        raise NotModelledError(f"the property {name} of an array")
    # Its elements' properties.
    found = []
    for item in value:
        one = _found(plain(item), name)
        if one is _MISSING:
            if isinstance(item, PsObject) and not item.made:
                raise NotModelledError(f"the property {name} of {item.type}")
            continue
        found.extend(one if isinstance(one, list) else [one])
    if not found:
        return _MISSING
    return found[0] if len(found) == 1 else found


def _reflection(value: PsObject) -> PsObject:
    note = "System.Management.Automation.PSNoteProperty"
    properties = [PsObject(note, Names({"Name": name, "Value": item})) for name, item in value.properties.items()]
    return custom({"Properties": properties, "TypeNames": [value.type, *value.ancestors]})


def _category(record: ErrorRecord) -> PsObject:
    category = Enum("System.Management.Automation.ErrorCategory", record.category, _CATEGORIES.index(record.category))
    reason = record.exception.type.rpartition(".")[2]
    shown = f"{record.category}: ({text(record.target)}:) [{record.activity}], {reason}"
    found = custom({"Category": category, "Activity": record.activity, "Reason": reason,
                    "TargetName": text(record.target)})  # fmt: skip
    found.type, found.made, found.text = "System.Management.Automation.ErrorCategoryInfo", False, shown
    return found


_CATEGORIES = (
    "NotSpecified", "OpenError", "CloseError", "DeviceError", "DeadlockDetected", "InvalidArgument", "InvalidData",
    "InvalidOperation", "InvalidResult", "InvalidType", "MetadataError", "NotImplemented", "NotInstalled",
    "ObjectNotFound", "OperationStopped", "OperationTimeout", "SyntaxError", "ParserError", "PermissionDenied",
    "ResourceBusy", "ResourceExists", "ResourceUnavailable", "ReadError", "WriteError", "FromStdErr", "SecurityError",
    "ProtocolError", "ConnectionError", "AuthenticationError", "LimitsExceeded", "QuotaExceeded", "NotEnabled",
)  # fmt: skip


_UNIX = datetime(1, 1, 1, tzinfo=UTC)

_PROPERTIES: dict[type, dict[str, Callable[[Any], Any]]] = {
    str: {"length": len},
    bytes: {"length": len, "count": len},
    ErrorRecord: {
        "exception": lambda record: record.exception,
        "categoryinfo": _category,
        "fullyqualifiederrorid": lambda record: record.id,
        "targetobject": lambda record: record.target,
        "errordetails": lambda _: None,
    },
    NetException: {
        "message": lambda error: error.message,
        "innerexception": lambda error: error.inner,
        "hresult": lambda error: error.number,
    },
    datetime: {
        "ticks": lambda value: ticks_of((value if value.tzinfo else value.replace(tzinfo=UTC)) - _UNIX),
        "year": lambda value: value.year, "month": lambda value: value.month, "day": lambda value: value.day,
        "hour": lambda value: value.hour, "minute": lambda value: value.minute, "second": lambda value: value.second,
    },
    timedelta: {
        "totalseconds": timedelta.total_seconds,
        "totalmilliseconds": lambda value: value.total_seconds() * 1000,
        "totalminutes": lambda value: value.total_seconds() / 60,
        "totalhours": lambda value: value.total_seconds() / 3600,
        "totaldays": lambda value: value.total_seconds() / 86400,
        "ticks": ticks_of,
        "days": lambda value: int(value.total_seconds()) // 86400,
    },
    uuid.UUID: {"guid": str},
    Version: {
        "major": lambda value: value.parts[0],
        "minor": lambda value: value.parts[1],
        "build": lambda value: value.parts[2] if len(value.parts) > 2 else -1,
        "revision": lambda value: value.parts[3] if len(value.parts) > 3 else -1,
    },
    TypeName: {
        "name": lambda kind: kind.name.rpartition(".")[2],
        "fullname": lambda kind: kind.name,
    },
}  # fmt: skip


def put(value: Any, name: str, new: Any) -> None:
    """$value.name = $new."""
    value = plain(value)
    if isinstance(value, Hashtable) or (isinstance(value, PsObject) and value.made and name in value.properties):
        (value if isinstance(value, Hashtable) else value.properties)[name] = plain(new)
        return
    if isinstance(value, PsObject) and name.lower() in value.settable:
        value.properties[name] = plain(new)
        return
    if isinstance(value, PsObject) and not value.made:
        raise NotModelledError(f"setting {name} of {type_of(value)}")
    raise fault(
        f"The property '{name}' cannot be found on this object. Verify that the property exists and can be set.",
        "PropertyNotFound" if value is None else "PropertyAssignmentException",
    )


def element(value: Any, index: Any, *, strict: bool) -> Any:
    """$value[$index]."""
    value, index = plain(value), plain(index)
    if value is None:
        raise fault("Cannot index into a null array.", "NullArray")
    if isinstance(value, Hashtable) and not (value.ordered and isinstance(index, int)):
        return value.get(index)
    if isinstance(index, list):
        return [element(value, one, strict=strict) for one in index if _inside(value, one)]
    if isinstance(value, list | str | bytes):
        if not isinstance(index, int):
            raise NotModelledError(f"the index {index!r}")
        if _inside(value, index):
            return value[index]
        if strict:
            raise fault("Index was outside the bounds of the array.", "System.IndexOutOfRangeException",
                        "OperationStopped", "System.SystemException")  # fmt: skip
        return None
    raise fault(f"Unable to index into an object of type {type_of(value)}.", "CannotIndex")


def _inside(value: Any, index: Any) -> bool:
    return isinstance(value, Hashtable) or (isinstance(index, int) and -len(value) <= index < len(value))


def put_element(value: Any, index: Any, new: Any) -> None:
    value, index = plain(value), plain(index)
    if isinstance(value, Hashtable):
        value[index] = plain(new)
        return
    if isinstance(value, list) and isinstance(index, int):
        if not _inside(value, index):
            raise fault("Index was outside the bounds of the array.", "System.IndexOutOfRangeException",
                        "OperationStopped", "System.SystemException")  # fmt: skip
        value[index] = plain(new)
        return
    raise fault("Cannot index into a null array." if value is None else "Unable to index into an object.", "NullArray")

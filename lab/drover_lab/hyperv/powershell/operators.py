"""The operators of Windows PowerShell 5.1: case does not matter, and the right side takes the left's type."""

import re
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from fnmatch import translate
from typing import Any

from drover_lab.hyperv.powershell.casts import cast, is_type
from drover_lab.hyperv.powershell.convert import number, text, truth, type_of
from drover_lab.hyperv.powershell.faults import ScriptFault, fault
from drover_lab.hyperv.powershell.values import Enum, Hashtable, PsObject, ScriptBlock, TypeName, Version, items, plain
from drover_lab.hyperv.soap import NotModelledError

_BITS: dict[str, Callable[[int, int], int]] = {
    "-band": lambda a, b: a & b, "-bor": lambda a, b: a | b, "-bxor": lambda a, b: a ^ b
}  # fmt: skip


def same(left: Any, right: Any, *, case: bool = False) -> bool:
    """Whether one value equals the other."""
    left, right = plain(left), plain(right)
    if left is None or right is None:
        return left is right
    if isinstance(left, Enum | str):
        return _same_text(left, right, case)
    if isinstance(left, bool):
        return left is truth(right)
    if isinstance(left, int | float):
        try:
            return bool(left == number(right))
        except ScriptFault:
            return False
    if isinstance(left, uuid.UUID | datetime | timedelta | Version):
        kinds = {uuid.UUID: "guid", datetime: "datetime", timedelta: "timespan", Version: "version"}
        return bool(left == cast(right, TypeName(kinds[type(left)])))
    if isinstance(left, PsObject | Hashtable | ScriptBlock):
        return left is right
    if isinstance(left, TypeName):
        return bool(left == right)
    raise NotModelledError(f"comparing {type_of(left)}")


def _same_text(left: Any, right: Any, case: bool) -> bool:
    if isinstance(left, Enum):
        if isinstance(right, int):
            return bool(left.number == right)
        return bool(left.name.lower() == text(right).lower())
    one, other = left, text(right)
    return bool(one == other if case else one.lower() == other.lower())


def order(left: Any, right: Any, *, case: bool = False) -> int:
    """Below, at, or above zero."""
    left, right = plain(left), plain(right)
    if isinstance(left, str):
        one, other = left, text(right)
        if not case:
            one, other = one.lower(), other.lower()
        return (one > other) - (one < other)
    if isinstance(left, datetime | timedelta | Version):
        kinds = {datetime: "datetime", timedelta: "timespan", Version: "version"}
        key: Any = left
        against: Any = cast(right, TypeName(kinds[type(left)]))
        if isinstance(left, Version):
            key, against = left.parts, against.parts
        return int(key > against) - int(key < against)
    one_number, other_number = number(left), number(right)
    return (one_number > other_number) - (one_number < other_number)


def wildcard(pattern: str) -> "re.Pattern[str]":
    if "`" in pattern or "[" in pattern:
        raise NotModelledError(f"the pattern {pattern!r}")
    return re.compile(translate(pattern), re.IGNORECASE | re.DOTALL)


def regex(pattern: Any, case: bool) -> "re.Pattern[str]":
    """:raises NotModelledError: .NET may read it differently."""
    written = text(pattern)
    if re.search(r"\(\?(?![:=!<])|\(\?<[^=!]|\\[pPkG]", written):
        raise NotModelledError(f"the regular expression {written!r}")
    return re.compile(written, 0 if case else re.IGNORECASE)


def _filtered(left: Any, test: Callable[[Any], bool]) -> Any:
    """An operator with an array on its left picks from it."""
    if isinstance(left, list):
        return [item for item in left if test(item)]
    return test(left)


def compare(operator: str, left: Any, right: Any, matches: Callable[[dict[int, str]], None]) -> Any:
    """:param operator: in lower case, with its dash. :param matches: takes what `-match` found."""
    name, case = _name(operator)
    left, right = plain(left), plain(right)
    orders: dict[str, Callable[[int], bool]] = {
        "gt": lambda found: found > 0, "ge": lambda found: found >= 0,
        "lt": lambda found: found < 0, "le": lambda found: found <= 0,
    }  # fmt: skip
    if name in ("eq", "ne"):
        return _filtered(left, lambda item: same(item, right, case=case) == (name == "eq"))
    if name in orders:
        return _filtered(left, lambda item: orders[name](order(item, right, case=case)))
    if name in ("contains", "notcontains"):
        return any(same(item, right, case=case) for item in items(left)) == (name == "contains")
    if name in ("in", "notin"):
        return any(same(item, left, case=case) for item in items(right)) == (name == "in")
    if name in ("like", "notlike"):
        pattern = wildcard(text(right))
        return _filtered(left, lambda item: bool(pattern.fullmatch(text(item))) == (name == "like"))
    if name in ("match", "notmatch"):
        return _match(left, regex(right, case), name == "match", matches)
    if name in _TEXTUAL:
        return _TEXTUAL[name](left, right, case)
    raise NotModelledError(f"the operator {operator}")


def _name(operator: str) -> tuple[str, bool]:
    name = operator[1:]
    if name in _KNOWN:
        return name, False
    if name[:1] in "ci" and name[1:] in _KNOWN:
        return name[1:], name[0] == "c"
    raise NotModelledError(f"the operator {operator}")


def _match(left: Any, pattern: "re.Pattern[str]", wanted: bool, matches: Callable[[dict[int, str]], None]) -> Any:
    if isinstance(left, list):
        return [item for item in left if bool(pattern.search(text(item))) == wanted]
    found = pattern.search(text(left))
    if found and wanted:
        matches({number: part for number, part in enumerate((found[0], *found.groups())) if part is not None})
    return bool(found) == wanted


def _join(left: Any, right: Any, case: bool) -> str:
    del case
    return text(right).join(text(item) for item in items(left))


def _replace(left: Any, right: Any, case: bool) -> Any:
    pattern, by = right if isinstance(right, list) else (right, "")
    written = text(by)
    if re.search(r"\$(?![1-9$])", written):
        raise NotModelledError(f"the replacement {written!r}")
    template = re.sub(r"\$([1-9])", r"\\g<\1>", written.replace("\\", r"\\")).replace("$$", "$")
    done = [regex(pattern, case).sub(template, text(item)) for item in items(left)]
    return done if isinstance(left, list) else (done[0] if done else "")


def _split(left: Any, right: Any, case: bool) -> list[str]:
    if isinstance(right, list | ScriptBlock):
        raise NotModelledError("-split with more than a pattern")
    pattern = regex(right, case)
    if pattern.groups:
        raise NotModelledError("-split with a group")
    return [part for item in items(left) for part in pattern.split(text(item))]


def _is(left: Any, right: Any, case: bool) -> bool:
    del case
    return is_type(left, _type(right))


def _type(value: Any) -> TypeName:
    if not isinstance(value, TypeName):
        raise NotModelledError("-is or -as with something that is no [type]")
    return value


def _as(left: Any, right: Any, case: bool) -> Any:
    del case
    try:
        return cast(left, _type(right))
    except ScriptFault:
        return None


_TEXTUAL: dict[str, Callable[[Any, Any, bool], Any]] = {
    "join": _join,
    "replace": _replace,
    "split": _split,
    "is": _is,
    "isnot": lambda left, right, case: not _is(left, right, case),
    "as": _as,
}
_KNOWN = {
    "eq", "ne", "gt", "ge", "lt", "le", "contains", "notcontains", "in", "notin", "like", "notlike", "match",
    "notmatch", *_TEXTUAL,
}  # fmt: skip


def add(left: Any, right: Any) -> Any:
    left, right = plain(left), plain(right)
    if isinstance(left, list):
        return [*left, *(right if isinstance(right, list) else [right])]
    if isinstance(left, str):
        return left + text(right)
    if isinstance(left, Hashtable):
        if not isinstance(right, Hashtable):
            raise fault("A hash table can only be added to another hash table.", "AddHashTableToNonHashTable")
        return _merged(left, right)
    if isinstance(left, datetime | timedelta) and isinstance(right, timedelta):
        return left + right
    if left is None:
        return right
    return arithmetic("+", left, right)


def _merged(left: Hashtable, right: Hashtable) -> Hashtable:
    both = [key for key in right if key in left]
    if both:
        raise fault(
            f"Item has already been added. Key in dictionary: '{both[0]}'  Key being added: '{both[0]}'",
            "System.ArgumentException",
            "OperationStopped",
            "System.ArgumentException",
        )
    return Hashtable({**left, **right})


def arithmetic(operator: str, left: Any, right: Any) -> Any:
    left, right = plain(left), plain(right)
    if operator == "-" and isinstance(left, datetime | timedelta):
        return left - right
    if operator == "*" and isinstance(left, str | list):
        return left * int(number(right))
    if isinstance(left, bool | PsObject | Hashtable | list):
        raise fault(f"Method invocation failed because [{type_of(left)}] does not contain a method named "
                    f"'{_METHODS[operator]}'.", "MethodNotFound")  # fmt: skip
    one, other = number(left), number(right)
    if operator in "/%" and other == 0 and isinstance(one, int) and isinstance(other, int):
        raise fault("Attempted to divide by zero.", "RuntimeException")
    return _ARITHMETIC[operator](one, other)


_METHODS = {"+": "op_Addition", "-": "op_Subtraction", "*": "op_Multiply", "/": "op_Division", "%": "op_Modulus"}


def _divided(one: Any, other: Any) -> Any:
    if isinstance(one, int) and isinstance(other, int) and one % other == 0:
        return one // other
    return one / other


def _remainder(one: Any, other: Any) -> Any:
    rest = abs(one) % abs(other)
    return -rest if one < 0 else rest


_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda one, other: one + other,
    "-": lambda one, other: one - other,
    "*": lambda one, other: one * other,
    "/": _divided,
    "%": _remainder,
}


def bits(operator: str, left: Any, right: Any) -> int:
    if operator not in _BITS:
        raise NotModelledError(f"the operator {operator}")
    return _BITS[operator](int(number(left)), int(number(right)))


def formatted(template: Any, values: Any) -> str:
    """-f."""
    given = values if isinstance(values, list) else [values]

    def one(found: "re.Match[str]") -> str:
        place, form = int(found[1]), found[2] or ""
        if place >= len(given):
            raise fault("Error formatting a string: Index (zero based) must be greater than or equal to zero and less "
                        "than the size of the argument list..", "FormatError", "InvalidOperation")  # fmt: skip
        return format_one(given[place], form[1:])

    written = text(template)
    if re.search(r"\{\{|\}\}|\{\d+,", written):
        raise NotModelledError(f"the format {written!r}")
    return re.sub(r"\{(\d+)(:[^}]*)?\}", one, written)


def format_one(value: Any, form: str) -> str:
    """`value.ToString(form)` with the invariant culture."""
    if not form:
        return text(value)
    kind, width = form[:1], form[1:]
    if isinstance(value, int) and not isinstance(value, bool) and kind in "xXdD" and (not width or width.isdigit()):
        return f"{value:0{width or 1}{'d' if kind in 'dD' else kind}}"
    if isinstance(value, int | float) and re.fullmatch(r"[fF]\d+", form):
        return f"{value:.{width}f}"
    if isinstance(value, datetime) and form in ("o", "O"):
        from drover_lab.hyperv.powershell.dates import round_trip

        return round_trip(value)
    raise NotModelledError(f"the format {form!r}")

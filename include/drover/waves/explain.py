"""What Pydantic found wrong, in the words and at the places of the file."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from drover.waves import backup_plan, checks, performance, rules, schema, window
from drover.waves.mistakes import Mistake
from drover.waves.rules import Fault, Place
from drover.waves.tree import Mark, Tree

# Pydantic's error type: what it expected, with the error's own context filled in.
_EXPECTED: Mapping[str, str] = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "keys with values",
    "model_type": "keys with values",
    "model_attributes_type": "keys with values",
    "enum": "{expected}",
    "literal_error": "{expected}",
    "string_too_short": "at least {min_length} characters",
    "string_too_long": "at most {max_length} characters",
    "string_pattern_mismatch": "{pattern}",
    "greater_than_equal": "at least {ge}",
    "less_than_equal": "at most {le}",
    "too_short": "at least {min_length}",
}
_STRATEGIES = "'cold' or 'live'"
_PATTERNS = {
    r"^[A-Za-z0-9_.-]+$": "an Airflow connection's id: letters, digits, '_', '-' and '.'",
    r"^[a-z0-9_-]+$": "small letters, digits, '_' and '-'",
    r"^[^\s/]+$": "a host name or an address",
}


def faults_of(error: ValidationError, value: Any, tree: Tree) -> Iterator[Fault]:
    """Each error of the models as a fault; what `drover.waves.rules` raised is left out, it is asked separately."""
    for item in error.errors(include_url=False):
        if item["type"] == rules.ERROR_TYPE or (item["type"] == "too_short" and item["input"]):
            # The latter: Pydantic also counts a list as empty where every item in it is wrong.
            continue
        place = _place(item["loc"], value, item["type"])
        if item["type"] == "missing":
            yield Fault(place, f"'{place[-1]}' is missing", _meaning(place) or _choices(place))
        elif item["type"] == "extra_forbidden":
            yield Fault(place, *_unknown_key(place))
        elif item["type"] == "told":
            problem, _, expected = item["msg"].partition(": expected ")
            yield Fault(place, problem, expected)
        else:
            yield Fault(place, *_mistyped(dict(item), place, tree))


def mistake(fault: Fault, tree: Tree) -> Mistake:
    """The fault with its line. A key that is missing is told where what it is missing from begins."""
    mark = _mark_of(fault.place, tree)
    return Mistake(mark.line, mark.column, dotted(fault.place), fault.problem, fault.expected)


def dotted(place: Place) -> str:
    """`machines[2].checks[0].http.url`"""
    words = ""
    for step in place:
        words += f"[{step}]" if isinstance(step, int) else f".{step}" if words else str(step)
    return words


def _mark_of(place: Place, tree: Tree) -> Mark:
    for length in range(len(place), -1, -1):
        found = tree.values.get(place[:length])
        if found is not None:
            # An unknown key and an empty value are best shown at the key.
            return tree.keys.get(place[:length], found) if length == len(place) and length else found
    return Mark(1, 1)


def _place(loc: Place, value: Any, kind: str) -> Place:
    """The error's place in the file. Pydantic also names which member of a union it tried, a step no file has."""
    place: Place = ()
    for number, step in enumerate(loc):
        if number > 1 and loc[number - 2] == "checks" and isinstance(loc[number - 1], int):
            continue
        inside = isinstance(value, dict) and step in value
        inside = inside or (isinstance(value, list) and isinstance(step, int) and step < len(value))
        if inside:
            value = value[step]
            place = (*place, step)
        elif kind == "missing" and number == len(loc) - 1:
            place = (*place, step)
    return place


def _mistyped(item: dict[str, Any], place: Place, tree: Tree) -> tuple[str, str]:
    kind = str(item["type"])
    context = dict(item.get("ctx") or {})
    if "pattern" in context:
        context["pattern"] = _PATTERNS.get(context["pattern"], "other characters")
    if kind == "enum":
        context["expected"] = _STRATEGIES
    expected = _EXPECTED[kind].format_map(context) if kind in _EXPECTED else str(item["msg"])
    if kind == "too_short":
        return f"'{place[-1]}' is empty", _meaning(place) or "at least one of them"
    given = item["input"]
    if given is None and place:
        return f"'{place[-1]}' has no value", expected
    source = tree.sources.get(place)
    if kind == "string_type" and source is not None:
        return f"{source} is no text as it stands", f'text: "{source}" in quotes'
    return f"{_shown(given)} does not fit here", expected


def _shown(given: Any) -> str:
    if isinstance(given, dict):
        return "a set of keys"
    if isinstance(given, list):
        return "a list"
    words = str(given).lower() if isinstance(given, bool) else repr(given)
    return words if len(words) <= 60 else f"{words[:57]}..."


def _unknown_key(place: Place) -> tuple[str, str]:
    key = str(place[-1])
    if key == "<<":
        return "'<<' is not followed here", "the keys themselves"
    if len(place) > 1 and isinstance(place[-2], int) and "checks" in place and key in checks.CHECKS:
        return "a check has one kind only", f"a check of its own for '{key}'"
    known = _known_keys(place[:-1])
    hint = rules.did_you_mean(key, known) or f"one of {', '.join(known)}"
    return f"the key '{key}' is not known here", hint


def _model_at(place: Place) -> type[BaseModel]:
    """The model whose keys stand at this place of a wave file."""
    names = [step for step in place if isinstance(step, str)]
    by_name: dict[str, type[BaseModel]] = {
        "machines": schema.MachinePlan,
        "mappings": schema.Mappings,
        "backup": backup_plan.BackupPlan,
        "approval": schema.ApprovalPlan,
        "rehearsal": schema.RehearsalPolicy,
        "window": window.Window,
        "performance": performance.PerformancePlan,
        "limits": schema.Limits,
        "decommission": schema.DecommissionPlan,
        "guest_files": schema.GuestFiles,
        "waive": schema.Waiver,
        "http": checks.HttpRequest,
        "tcp": checks.TcpPort,
        "command": checks.Command,
    }
    return by_name.get(names[-1], schema.Wave) if names else schema.Wave


def _known_keys(place: Place) -> list[str]:
    if place and isinstance(place[-1], int) and "checks" in place:
        return list(checks.CHECKS)
    return list(_model_at(place).model_fields)


def _choices(place: Place) -> str:
    return _STRATEGIES if place[-1] == "strategy" else ""


def _meaning(place: Place) -> str:
    field = _model_at(place[:-1]).model_fields.get(str(place[-1]))
    return (field.description or "").rstrip(".") if field else ""

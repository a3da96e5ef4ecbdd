"""The arguments of a cmdlet bound to its parameters, and refused as PowerShell refuses them."""

from dataclasses import dataclass
from typing import Any

from drover_lab.hyperv.powershell.casts import cast
from drover_lab.hyperv.powershell.convert import INTEGERS, text, truth
from drover_lab.hyperv.powershell.faults import CmdletFault, ScriptFault
from drover_lab.hyperv.powershell.table import Cmdlet, ParameterFacts, common
from drover_lab.hyperv.powershell.values import Enum, Hashtable, Names, PsObject, ScriptBlock, TypeName, plain
from drover_lab.hyperv.soap import NotModelledError

_BINDING = "System.Management.Automation.ParameterBindingException"
_PLAIN = {"string", "boolean", "guid", "version", "timespan", "datetime", "char", "double", *INTEGERS}
_ANYTHING = {"object", "psobject", "object[]", "psobject[]", "ciminstance", "ciminstance[]"}
_COMMON_MODELLED = {"erroraction", "warningaction"}


@dataclass(frozen=True, slots=True)
class Argument:
    """:param name: of the parameter that it was given to; None: by position."""

    name: str | None
    value: Any = True
    bare: bool = False  # a name without a value


def bind(cmdlet: Cmdlet, arguments: list[Argument], piped: bool) -> tuple[Names, Names]:
    """:returns: parameter -> value, and the common parameters. :raises CmdletFault: PowerShell refuses them."""
    bound, shared, rest = Names(), Names(), list[Any]()
    for argument in arguments:
        if argument.name is None:
            rest.append(argument.value)
        elif argument.name.lower() in common():
            if argument.name.lower() not in _COMMON_MODELLED:
                raise NotModelledError(f"{cmdlet.name} -{argument.name}")
            shared[argument.name] = argument.value
        else:
            _take(cmdlet, argument, bound)
    _by_position(cmdlet, rest, bound)
    _check_sets(cmdlet, bound, piped)
    return bound, shared


def _take(cmdlet: Cmdlet, argument: Argument, bound: Names) -> None:
    name = argument.name or ""
    facts: ParameterFacts | None = cmdlet.by_name.get(name)
    if facts is None:
        if any(one.lower().startswith(name.lower()) for one in cmdlet.by_name):
            raise NotModelledError(f"{cmdlet.name} -{name}: write the whole name of the parameter")
        raise CmdletFault(
            f"A parameter cannot be found that matches parameter name '{name}'.",
            "NamedParameterNotFound", "InvalidArgument", _BINDING, ends=True,
        )  # fmt: skip
    if facts.name in bound:
        raise CmdletFault(
            f"Cannot bind parameter because parameter '{facts.name}' is specified more than once.",
            "ParameterAlreadyBound", "InvalidArgument", _BINDING, ends=True,
        )  # fmt: skip
    if argument.bare and facts.type != "SwitchParameter":
        raise CmdletFault(
            f"Missing an argument for parameter '{facts.name}'. Specify a parameter of type '{_full(facts.type)}' and "
            "try again.",
            "MissingArgument", "InvalidArgument", _BINDING, ends=True,
        )  # fmt: skip
    bound[facts.name] = converted(facts, argument.value)


def _by_position(cmdlet: Cmdlet, rest: list[Any], bound: Names) -> None:
    open_places = sorted(
        (facts for facts in cmdlet.parameters if facts.position is not None and facts.name not in bound),
        key=lambda facts: facts.position or 0,
    )
    if rest and cmdlet.module == "Hyper-V":
        raise NotModelledError(f"{cmdlet.name} with an argument without its parameter's name")
    if len(rest) > len(open_places):
        raise CmdletFault(
            f"A positional parameter cannot be found that accepts argument '{text(rest[len(open_places)])}'.",
            "PositionalParameterNotFound", "InvalidArgument", _BINDING, ends=True,
        )  # fmt: skip
    for facts, value in zip(open_places, rest, strict=False):
        bound[facts.name] = converted(facts, value)


def _check_sets(cmdlet: Cmdlet, bound: Names, piped: bool) -> None:
    fitting = {
        name
        for name in cmdlet.sets
        if all(not facts.sets or name in facts.sets for facts in cmdlet.parameters if facts.name in bound)
    }
    if not fitting:
        raise CmdletFault(
            "Parameter set cannot be resolved using the specified named parameters.",
            "AmbiguousParameterSet", "InvalidArgument", _BINDING, ends=True,
        )  # fmt: skip
    missing = {name: [facts.name for facts in cmdlet.parameters
                      if facts.required and (not facts.sets or name in facts.sets)
                      and facts.name not in bound and not (piped and facts.pipeline)]
               for name in fitting}  # fmt: skip
    if all(missing.values()):
        least = min(missing.values(), key=len)
        raise CmdletFault(
            f"Cannot process command because of one or more missing mandatory parameters: {' '.join(least)}.",
            "MissingMandatoryParameter", "InvalidArgument", _BINDING, ends=True,
        )  # fmt: skip


def converted(facts: ParameterFacts, value: Any) -> Any:
    """:raises CmdletFault: the value is none for this parameter."""
    value, kind = plain(value), facts.type
    if kind == "SwitchParameter":
        return truth(value)
    if value is None and facts.required and kind.lower() not in _ANYTHING:
        raise CmdletFault(
            f"Cannot bind argument to parameter '{facts.name}' because it is null.",
            "ParameterArgumentValidationErrorNullNotAllowed", "InvalidData", _BINDING, ends=True,
        )  # fmt: skip
    if facts.required and kind.removesuffix("[]") == "String" and (value == "" or value == []):
        what, tail = ("string", "String") if value == "" else ("array", "Array")
        raise CmdletFault(
            f"Cannot bind argument to parameter '{facts.name}' because it is an empty {what}.",
            f"ParameterArgumentValidationErrorEmpty{tail}NotAllowed", "InvalidData", _BINDING, ends=True,
        )  # fmt: skip
    if kind.endswith("[]") and kind.lower() not in _ANYTHING:
        many = value if isinstance(value, list) else [value]
        return None if value is None else [_one(facts, kind[:-2], one) for one in many]
    return _one(facts, kind, value)


def _one(facts: ParameterFacts, kind: str, value: Any) -> Any:
    low = kind.lower()
    if low in _ANYTHING:
        return value
    if facts.values and low not in _PLAIN:
        return _named(facts, value)
    if low in _PLAIN:
        return _cast(facts, low, value)
    if low == "scriptblock":
        return _of(facts, value, ScriptBlock)
    if low in ("hashtable", "idictionary"):
        return _of(facts, value, Hashtable)
    return _of(facts, value, PsObject)


def _of(facts: ParameterFacts, value: Any, kind: type) -> Any:
    if value is None or isinstance(value, kind):
        return value
    raise _impossible(facts, value, "")


def _cast(facts: ParameterFacts, low: str, value: Any) -> Any:
    if isinstance(value, list) and low == "string":
        raise _impossible(facts, value, "Specified method is not supported.")
    if low == "boolean" and not isinstance(value, bool | int):
        raise _impossible(facts, value, "Boolean parameters accept only Boolean values and numbers.")
    if value is None and low != "string":
        if low in INTEGERS:
            return 0
        raise _impossible(facts, value, "")
    try:
        found = cast(value, TypeName(low))
    except ScriptFault as error:
        raise _impossible(facts, value, error.record.exception.message) from error
    if facts.values and text(found).lower() not in {one.lower() for one in facts.values}:
        said = '" "'.join(facts.values)
        raise CmdletFault(
            f"Cannot validate argument on parameter '{facts.name}'. The argument \"{text(found)}\" does not belong "
            f'to the set "{said}" specified by the ValidateSet attribute.',
            "ParameterArgumentValidationError", "InvalidData", _BINDING, ends=True,
        )  # fmt: skip
    return found


def _named(facts: ParameterFacts, value: Any) -> str:
    """A value of an enumeration, by its name as it is spelled."""
    written = value.name if isinstance(value, Enum) else text(value)
    for known in facts.values:
        if known.lower() == written.lower():
            return known
    if isinstance(value, int) and not isinstance(value, bool):
        raise NotModelledError(f"-{facts.name} {value}: write the value's name")
    raise _impossible(
        facts,
        value,
        "Unable to match the identifier name " + written + " to a valid enumerator name. Specify one of the following "
        "enumerator names and try again: " + ", ".join(facts.values),
    )


def _full(kind: str) -> str:
    return f"System.{kind}" if kind.removesuffix("[]").lower() in _PLAIN else kind


def _impossible(facts: ParameterFacts, value: Any, why: str) -> CmdletFault:
    return CmdletFault(
        f"Cannot bind parameter '{facts.name}'. Cannot convert value \"{text(value)}\" to type "
        f'"{_full(facts.type)}". {why}'.strip(),
        "CannotConvertArgumentNoMessage", "InvalidArgument", _BINDING, ends=True,
    )  # fmt: skip

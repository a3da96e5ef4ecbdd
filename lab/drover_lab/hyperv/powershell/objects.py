"""The cmdlets of PowerShell itself: what picks, sorts, counts and converts objects."""

import functools
import ntpath
import uuid
from datetime import datetime
from typing import Any

from drover_lab.hyperv.powershell import members
from drover_lab.hyperv.powershell.convert import number, text, truth
from drover_lab.hyperv.powershell.faults import CmdletFault
from drover_lab.hyperv.powershell.invocation import Invocation, Run, inputs
from drover_lab.hyperv.powershell.json51 import from_json, to_json
from drover_lab.hyperv.powershell.operators import order, same
from drover_lab.hyperv.powershell.values import Hashtable, Names, PsObject, ScriptBlock, plain
from drover_lab.hyperv.soap import NotModelledError


def for_each(call: Invocation) -> None:
    call.only("Process", "InputObject")
    (block,) = call.get("Process")
    for item in inputs(call, "InputObject"):
        call.shell.each(block, item, call.out)


def where(call: Invocation) -> None:
    call.only("FilterScript", "InputObject")
    for item in inputs(call, "InputObject"):
        if truth(call.shell.outcome(call.get("FilterScript"), item)):
            call.out.append(item)


def select(call: Invocation) -> None:
    call.only("Property", "ExpandProperty", "First", "Last", "Skip", "InputObject")
    found = list(inputs(call, "InputObject"))[call.get("Skip", 0) :]
    if "First" in call.given:
        found = found[: call.get("First")]
    if "Last" in call.given:
        found = found[-call.get("Last") :] if call.get("Last") else []
    for item in found:
        if "ExpandProperty" in call.given:
            if "Property" in call.given:
                raise NotModelledError("Select-Object -ExpandProperty with -Property")
            call.write(_expanded(call, item))
        elif "Property" in call.given:
            call.out.append(_picked(call, item))
        else:
            call.out.append(item)


def _expanded(call: Invocation, item: Any) -> Any:
    name = call.get("ExpandProperty")
    if isinstance(item, PsObject) and item.made and name not in item.properties:
        raise CmdletFault(f'Property "{name}" cannot be found.', "ExpandPropertyNotFound", "InvalidArgument",
                          "System.Management.Automation.PSArgumentException")  # fmt: skip
    return members.get(item, name, strict=False)


def _picked(call: Invocation, item: Any) -> PsObject:
    values = Names()
    for wanted in _properties(call):
        name, value = _property(call, wanted, item)
        values[name] = plain(value)
    kind = item.type if isinstance(item, PsObject) else "System.Object"
    return PsObject(f"Selected.{kind}", values, made=True)


def _properties(call: Invocation) -> list[Any]:
    wanted = call.get("Property")
    return wanted if isinstance(wanted, list) else [wanted]


def _property(call: Invocation, wanted: Any, item: Any) -> tuple[str, Any]:
    if isinstance(wanted, Hashtable):
        names = [wanted[key] for key in ("n", "name", "l", "label") if key in wanted]
        blocks = [wanted[key] for key in ("e", "expression") if key in wanted]
        if len(names) != 1 or len(blocks) != 1 or len(wanted) != 2:
            raise NotModelledError("a calculated property other than @{n=...; e={...}}")
        if isinstance(blocks[0], ScriptBlock):
            return text(names[0]), call.shell.outcome(blocks[0], item)
        return text(names[0]), members.get(item, text(blocks[0]), strict=False)
    name = text(wanted)
    if "*" in name or "?" in name:
        raise NotModelledError("Select-Object with a wildcard")
    return name, members.get(item, name, strict=False)


def sort(call: Invocation) -> None:
    call.only("Property", "Descending", "InputObject")
    keys = _properties(call) if "Property" in call.given else []

    def value(item: Any, key: Any) -> Any:
        if isinstance(key, ScriptBlock):
            return call.shell.outcome(key, item)
        if isinstance(key, Hashtable):
            raise NotModelledError("Sort-Object by a hashtable")
        return members.get(item, text(key), strict=False)

    def compared(one: Any, other: Any) -> int:
        for key in keys:
            found = order(value(one, key), value(other, key))
            if found:
                return found
        return 0 if keys else order(one, other)

    call.out.extend(
        sorted(inputs(call, "InputObject"), key=functools.cmp_to_key(compared), reverse=bool(call.get("Descending")))
    )


def measure(call: Invocation) -> None:
    call.only("Property", "Sum", "Average", "Maximum", "Minimum", "InputObject")
    found = list(inputs(call, "InputObject"))
    names = call.get("Property") or [None]
    if len(names) != 1:
        raise NotModelledError("Measure-Object of several properties")
    values = [number(item if names[0] is None else members.get(item, names[0], strict=False)) for item in found
              if call.get("Sum") or call.get("Average") or call.get("Maximum") or call.get("Minimum")]  # fmt: skip
    answers: dict[str, Any] = {
        "Count": len(found),
        "Average": float(sum(values) / len(values)) if call.get("Average") and values else None,
        "Sum": float(sum(values)) if call.get("Sum") and values else None,
        "Maximum": float(max(values)) if call.get("Maximum") and values else None,
        "Minimum": float(min(values)) if call.get("Minimum") and values else None,
        "Property": names[0],
    }
    call.out.append(PsObject("Microsoft.PowerShell.Commands.GenericMeasureInfo", Names(answers)))


def to_json_cmdlet(call: Invocation) -> None:
    if call.piped is not None:
        value: Any = call.piped[0] if len(call.piped) == 1 else list(call.piped)
    else:
        value = call.get("InputObject")
    if not call.get("Compress"):
        raise NotModelledError("ConvertTo-Json without -Compress")
    call.out.append(to_json(value, call.get("Depth", 2)))


def from_json_cmdlet(call: Invocation) -> None:
    document = "\n".join(text(item) for item in inputs(call, "InputObject"))
    # An array is one object here: 5.1 does not write its elements one by one.
    call.out.append(from_json(document))


def out_string(call: Invocation) -> None:
    call.only("InputObject")
    found = inputs(call, "InputObject")
    if not all(isinstance(item, str) for item in found):
        raise NotModelledError("Out-String of something that is no string: Windows would format it")
    call.out.append("".join(f"{item}\r\n" for item in found))


def out_null(call: Invocation) -> None:
    """Everything ends here."""


def write_output(call: Invocation) -> None:
    for item in inputs(call, "InputObject"):
        call.write([item] if isinstance(item, list) and call.get("NoEnumerate") else item)


def new_guid(call: Invocation) -> None:
    call.out.append(uuid.uuid4())


def get_date(call: Invocation) -> None:
    call.only()
    if call.piped is not None:
        raise NotModelledError("Get-Date behind a |")
    call.out.append(datetime.now().astimezone())


def start_sleep(call: Invocation) -> None:
    call.shell.console.wait(call.get("Seconds", 0) + call.get("Milliseconds", 0) / 1000)
    call.shell.alive()


def set_strict_mode(call: Invocation) -> None:
    call.shell.strict = not call.get("Off")


def join_path(call: Invocation) -> None:
    call.only("Path", "ChildPath")
    for folder in call.get("Path"):
        call.out.append(folder.rstrip("\\") + "\\" + call.get("ChildPath").lstrip("\\"))


def split_path(call: Invocation) -> None:
    call.only("Path", "LiteralPath", "Parent", "Leaf", "Qualifier")
    for path in inputs(call, "Path") or call.get("LiteralPath") or []:
        if call.get("Leaf"):
            call.out.append(ntpath.basename(path.rstrip("\\")))
        elif call.get("Qualifier"):
            call.out.append(ntpath.splitdrive(path)[0])
        else:
            call.out.append(ntpath.dirname(path.rstrip("\\")))


def group(call: Invocation) -> None:
    call.only("Property", "InputObject")
    groups: list[tuple[Any, list[Any]]] = []
    for item in inputs(call, "InputObject"):
        (wanted,) = _properties(call)
        key = members.get(item, text(wanted), strict=False)
        found = next((listed for known, listed in groups if same(known, key)), None)
        if found is None:
            groups.append((key, [item]))
        else:
            found.append(item)
    for key, listed in groups:
        values = Names({"Name": text(key), "Count": len(listed), "Group": listed})
        call.out.append(PsObject("Microsoft.PowerShell.Commands.GroupInfo", values))


CMDLETS: dict[str, Run] = {
    "ForEach-Object": for_each,
    "Where-Object": where,
    "Select-Object": select,
    "Sort-Object": sort,
    "Measure-Object": measure,
    "Group-Object": group,
    "ConvertTo-Json": to_json_cmdlet,
    "ConvertFrom-Json": from_json_cmdlet,
    "Out-String": out_string,
    "Out-Null": out_null,
    "Write-Output": write_output,
    "New-Guid": new_guid,
    "Get-Date": get_date,
    "Start-Sleep": start_sleep,
    "Set-StrictMode": set_strict_mode,
    "Join-Path": join_path,
    "Split-Path": split_path,
}

"""The scripts are PowerShell 5.1 that Microsoft documents, and whatever a user can name is data to them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from drover.errors import RetryableError
from drover.hypervisors.hyperv import bootstrap, powershell, scripts
from drover.hypervisors.hyperv.errors import ScriptError, script_error
from drover_lab.hyperv.powershell.syntax import parse, text

if TYPE_CHECKING:
    from tree_sitter import Node

KNOWN: dict[str, Any] = json.loads((Path(powershell.__file__).parent / "cmdlets.json").read_text())
CMDLETS: dict[str, Any] = {name.lower(): entry for name, entry in KNOWN["cmdlets"].items()}
COMMON = {name.lower() for name in KNOWN["common"]}


def commands(node: "Node") -> Iterator["Node"]:
    if node.type == "command":
        yield node
    for child in node.children:
        yield from commands(child)


def mistakes(script: str) -> list[str]:
    """Calls of what nobody documents: names, values, and parameters that do not go together."""
    found = []
    for command in commands(parse(script)):
        name = text(command.child_by_field_name("command_name") or command.children[0])
        entry = CMDLETS.get(name.lower())
        if entry is None:
            found.append(f"{name} is not documented")
            continue
        known = {one.lower(): (one, facts) for one, facts in entry["parameters"].items()}
        given, positions = arguments(command, script, known)
        for parameter, value in given:
            facts = known.get(parameter.lower(), ("", {}))[1]
            if parameter.lower() not in known.keys() | COMMON:
                found.append(f"{name} has no parameter {parameter}")
            elif value and facts.get("values") and value.lower() not in map(str.lower, facts["values"]):
                found.append(f"{name} -{parameter} knows no '{value}'")
        names = {parameter.lower() for parameter, _ in given} & known.keys()
        if not [one for one in sets_of(entry) if fits(entry, one, names, positions, is_piped(command))]:
            found.append(f"{name} takes no such parameters together")
    return found


Given = list[tuple[str, str]]


def arguments(command: "Node", script: str, known: dict[str, Any]) -> tuple[Given, int]:
    """Each parameter with the literal that it is given, empty for anything else; and how many come by position."""
    elements = [one for child in command.children if child.type == "command_elements" for one in child.children]
    given: Given = []
    positions = 0
    waiting = joined = False  # a parameter for its value; by a colon
    for one in elements:
        if one.type == "command_argument_sep":
            joined = text(one) == ":"
        elif one.type == "command_parameter":
            given.append((text(one).strip("-:"), ""))
            facts = known.get(given[-1][0].lower(), ("", {}))[1]
            waiting = facts.get("type") != "SwitchParameter"
        elif re.fullmatch(r"@\w+", text(one)):
            given += splatted(text(one)[1:], script)
        elif waiting or joined:
            given[-1] = (given[-1][0], literal(text(one)))
            waiting = False
        else:
            positions += 1
    return given, positions


def literal(written: str) -> str:
    found = re.fullmatch(r"'([^']*)'", written)
    return found[1] if found else ""


def splatted(table: str, script: str) -> Iterator[tuple[str, str]]:
    """What a table holds, as in `New-VM @create`: `$create = @{ ... }` and `$create.Name =`."""
    made = re.search(rf"^\s*\${table} = @{{\n(.*?)^\s*}}", script, re.MULTILINE | re.DOTALL)
    lines = re.findall(r"^\s+(\w+) = (.*)$", made[1], re.MULTILINE) if made else [(f"@{table}", "")]
    lines += re.findall(rf"\${table}\.(\w+) = (.*)$", script, re.MULTILINE)
    yield from ((name, literal(value.strip())) for name, value in lines)


def is_piped(command: "Node") -> bool:
    parent = command.parent
    return parent is not None and parent.type == "pipeline_chain" and parent.children[0].id != command.id


def sets_of(entry: dict[str, Any]) -> set[str]:
    return {one for facts in entry["parameters"].values() for one in facts.get("sets", ())} or {""}


def fits(entry: dict[str, Any], one: str, names: set[str], positions: int, piped: bool) -> bool:
    """Whether this set of parameters has all of these, and they are all that it needs."""
    inside = {name.lower(): facts for name, facts in entry["parameters"].items() if one in facts.get("sets", (one,))}
    missing = [
        facts for name, facts in inside.items()
        if facts.get("required") and name not in names and not (piped and facts.get("pipeline"))
    ]  # fmt: skip
    return (
        names <= inside.keys()
        and len([facts for facts in missing if "position" not in facts]) == 0
        and (len(missing) <= positions)
    )


@pytest.mark.parametrize("name", scripts.names())
def test_every_script_is_powershell_that_is_documented(name: str) -> None:
    assert mistakes(scripts.text(name)) == []


def test_those_checks_see_what_is_wrong() -> None:
    assert mistakes("Get-VM -Nmae $p.name") == ["Get-VM has no parameter Nmae"]
    assert mistakes("Get-VMs | ForEach-Object { Remove-It }") == [
        "Get-VMs is not documented",
        "Remove-It is not documented",
    ]
    table = "$create = @{\n    Name = $p.name\n    Nmae = 1\n}\nif ($p.version) {\n    $create.Vresion = 1\n}\n"
    assert mistakes(f"{table}$vm = New-VM @create") == [
        "New-VM has no parameter Nmae",
        "New-VM has no parameter Vresion",
    ]
    assert mistakes("New-VM @create") == ["New-VM has no parameter @create"]


@pytest.mark.parametrize(
    ("call", "wrong"),
    [
        ("Get-VHD -Path x -VMId y", "Get-VHD takes no such parameters together"),
        ("Get-VMProcessor", "Get-VMProcessor takes no such parameters together"),
        ("Set-VM -Notes 'x'", "Set-VM takes no such parameters together"),
        ("$a = 1 | Set-VM -Notes 'x'", "Set-VM takes no such parameters together"),
        ("Rename-VM -VM $vm -Name 'a' -NewName 'b'", "Rename-VM takes no such parameters together"),
        ("Set-VM -VM $vm -AutomaticStartAction 'Never'", "Set-VM -AutomaticStartAction knows no 'Never'"),
        ("$t = @{\n    VM = $vm\n    CheckpointType = 'None'\n}\nSet-VM @t", "Set-VM -CheckpointType knows no 'None'"),
        ("Set-VM -VM $vm -Passthru -AutomaticStopAction 'save'", ""),
        ("Remove-VM -VM $vm -Confirm:$false", ""),
        ("Get-VM | Where-Object { $_.Name }", ""),
    ],
)
def test_those_checks_see_values_and_what_does_not_go_together(call: str, wrong: str) -> None:
    assert mistakes(call) == ([wrong] if wrong else [])


@pytest.mark.parametrize("name", scripts.names())
def test_every_script_is_a_fixed_text_that_runs_no_other(name: str) -> None:
    script = scripts.text(name)
    assert script.isascii()
    assert script.count("param($p)") == 1
    assert not re.search(r"Invoke-Expression|\biex\b|ScriptBlock|AddScript|-EncodedCommand|& \$", script, re.IGNORECASE)
    # Machines are found by id: a name may hold what Hyper-V takes for a pattern.
    assert not re.search(r"(Get|Start|Stop|Remove|Set|Rename)-VM[A-Za-z]* -(VM)?Name\b", script)


def test_parameters_never_become_text_of_a_script() -> None:
    nasty = "'; Stop-Computer # $(id) `n\r\n\" [a]*"
    for name in scripts.names():
        document = bootstrap.document(scripts.text(name), {"name": nasty})
        assert json.loads(document) == {"script": scripts.text(name), "parameters": {"name": nasty}}
        assert document.count(b"\n") == 1


def test_what_a_script_of_ours_throws_is_a_decision_and_does_not_pass() -> None:
    said = "The file is there already"
    thrown = {"category": "OperationStopped", "id": said, "message": said}
    assert isinstance(script_error("hv-a", thrown), ScriptError)
    assert isinstance(script_error("hv-a", thrown | {"id": "PipelineStopped"}), RetryableError)

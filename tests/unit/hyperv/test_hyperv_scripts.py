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
    """Calls of what nobody documents."""
    found = []
    for command in commands(parse(script)):
        name = text(command.child_by_field_name("command_name") or command.children[0])
        entry = CMDLETS.get(name.lower())
        if entry is None:
            found.append(f"{name} is not documented")
            continue
        known = {one.lower() for one in entry["parameters"]} | COMMON
        for parameter in (*parameters(command), *splatted(command, script)):
            if parameter.lower() not in known:
                found.append(f"{name} has no parameter {parameter}")
    return found


def splatted(command: "Node", script: str) -> Iterator[str]:
    """The parameters that it is given in a table, as in `New-VM @create`: `$create = @{ ... }` and `$create.Name =`."""
    for table in re.findall(r"\s@(\w+)", text(command)):
        made = re.search(rf"^\s*\${table} = @{{\n(.*?)^\s*}}", script, re.MULTILINE | re.DOTALL)
        yield from re.findall(r"^\s+(\w+) =", made[1], re.MULTILINE) if made else [f"@{table}"]
        yield from re.findall(rf"\${table}\.(\w+) =", script)


def parameters(command: "Node") -> Iterator[str]:
    for child in command.children:
        if child.type == "command_elements":
            yield from (text(one).strip("-:") for one in child.children if one.type == "command_parameter")


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

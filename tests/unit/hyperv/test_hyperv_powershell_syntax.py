"""The check of our PowerShell sees what Windows PowerShell 5.1 would refuse, and takes what it takes."""

import pytest

from drover.hypervisors.hyperv import bootstrap
from drover_lab.hyperv.powershell.syntax import SyntaxMistakeError, parse

GOOD = [
    bootstrap._SCRIPT,
    "param($p) Get-VM -Name $p.name | Select-Object Name, @{n='State'; e={[string]$_.State}}",
    "if ($a) { 1 } elseif ($b) { 2 } else { 3 }",
    "try { throw 'x' } finally { 'done' }",
    "foreach ($x in 1..3) { if ($x -gt 1) { break } }",
    "$v = @{ Name = $p.name; Generation = 2 }; New-VM @v",
    "switch ($x) {\n    'b' { 3 }\n    default { 4 }\n}",
    "do { Start-Sleep -Milliseconds 200 } until ($done)",
    "function Get-It {\n    param([string]$Name)\n    process { $Name }\n}",
    "Get-VM | Where-Object { $_.State -eq 'Running' } | ForEach-Object { \"$($_.Name): $($_.Id)\" }",
]
BAD = [
    ("if ($a) { 1 ", 1),
    ("'open", 1),
    ("$x = (1 + 2", 1),
    ("Get-VM\nelse { 1 }", 2),
    ("try { 1 }", 1),
    ("catch { 1 }", 1),
    ("\n$a = $b ?? $c", 2),
    ("$a = $b ? 1 : 2", 1),
    ("Get-VM && Get-VHD", 1),
    ("$a?.Name ?? 1", 1),
    ("foreach ($x of $y) { }", 1),
]


@pytest.mark.parametrize("script", GOOD)
def test_what_windows_takes_is_taken(script: str) -> None:
    assert parse(script).type == "program"


@pytest.mark.parametrize(("script", "line"), BAD)
def test_what_windows_refuses_is_refused(script: str, line: int) -> None:
    with pytest.raises(SyntaxMistakeError) as caught:
        parse(script)
    assert caught.value.mistakes[0].line == line

"""Each piece of the language, against what Windows PowerShell 5.1 does by its documentation."""

import pytest
from posh import values

CASES = [
    # about_Variables, about_Arrays, about_Hash_Tables
    ("$a = 5; $a + 1", [6]),
    ("$a, $b = 1, 2", None),
    ("$a = @(1); $a.Count", [1]),
    ("$a = 1..3; $a[-1]; $a[0]", [3, 1]),
    ("$a = @(1, 2) + 3; $a.Count", [3]),
    ("@()", []),
    ("$null", [None]),
    ("$x = & { }; @($x).Count; @($null).Count", [0, 1]),
    ("foreach ($x in $null) { 1 }; 'end'", ["end"]),
    ("$null | ForEach-Object { 1 }", [1]),
    (", @(1, 2) | ForEach-Object { $_.Count }", [2]),
    ("$h = @{ a = 1 }; $h.A; $h['a']; $h.b; $h.Count", [1, 1, None, 1]),
    ("$h = @{}; $h.x = 2; $h['y'] = 3; $h.x + $h.y", [5]),
    ("$o = [pscustomobject]@{ a = 1; b = @(1) }; $o.B.Count; $o.none; [string]$o", [1, None, "@{a=1; b=1}"]),
    ("([pscustomobject]@{ a = 1 }).Count", [None]),
    ("@([pscustomobject]@{ a = 1 }, [pscustomobject]@{ a = 2 }).a", [1, 2]),
    ("$p = [pscustomobject]@{ a = 1 }; $p.a = 7; $p.a", [7]),
    # about_Operators and their conversions
    ("'5' -eq 5; 5 -eq '5'; 'A' -eq 'a'; 'A' -ceq 'a'", [True, True, True, False]),
    ("$null -eq $x; 1 -ne 2", [True, True]),
    ("1, 2, 3 -gt 1", [2, 3]),
    ("@(1, 2) -contains 2; 2 -in @(1, 2); 3 -notin @(1)", [True, True, True]),
    ("'abc' -like 'a*'; 'abc' -match '^(a)b'; $Matches[1]", [True, True, "a"]),
    ("'a-b' -replace '-', '_'; 'a.b' -split '\\.'", ["a_b", "a", "b"]),
    ("'ab' -replace '(a)(b)', '$2$1'", ["ba"]),
    ("1, 2 -join ','; -join ('a', 'b')", ["1,2", "ab"]),
    ("7 / 2; 6 / 2; 7 % 3; -7 % 3; 2 * 3 + 1", [3.5, 3, 1, -1, 7]),
    ("1GB / 1MB; 0x10", [1024, 16]),
    ("[int]2.5; [int]3.5; [int]'7'; [uint64]5", [2, 4, 7, 5]),
    ("[string]$true; [bool]'x'; [bool]0; [bool]@(0)", ["True", True, False, False]),
    ("'{0:x2}-{1}-{2:D3}' -f 10, 'b', 7", ["0a-b-007"]),
    ("'{0:F1}' -f 2.25", ["2.2"]),
    ("$true -and -not $false; $false -or $true; !$true", [True, True, False]),
    ("5 -band 4; 'x' * 3", [4, "xxx"]),
    ("'x' -is [string]; 5 -isnot [string]; $null -is [string]", [True, True, False]),
    ("$i = 1; $i++; $i += 2; $i", [4]),
    # Strings: about_Quoting_Rules
    ("$a = 'x'; \"$a`t$($a.Length)`\"$a[0]\"", ['x\t1"x[0]']),
    ("'it''s'; \"a\"\"b\"; \"`$a\"", ["it's", 'a"b', "$a"]),
    ("$a = @(1, 2); \"<$a>\"", ["<1 2>"]),
    ("'AbC'.ToLower(); ' a '.Trim(); 'abc'.Substring(1); 'abc'.StartsWith('ab')", ["abc", "a", "bc", True]),
    ("'a,b'.Split(','); 'ab'.PadLeft(3, '0')", ["a", "b", "0ab"]),
    # Statements
    ("if ($false) { 1 } elseif (1) { 2 } else { 3 }", [2]),
    ("$x = if ($true) { 'y' } else { 'n' }; $x", ["y"]),
    ("for ($i = 0; $i -lt 3; $i++) { if ($i -eq 1) { continue }; $i }", [0, 2]),
    ("$i = 0; while ($true) { $i++; if ($i -gt 2) { break } }; $i", [3]),
    ("$i = 0; do { $i++ } until ($i -ge 3); $i", [3]),
    ("switch ('B') {\n  'a' { 1 }\n  'b' { 2 }\n  default { 3 }\n}", [2]),
    ("switch (7) {\n  { $_ -gt 5 } { 'big' }\n  7 { 'seven'; break }\n  default { 'none' }\n}", ["big", "seven"]),
    ("switch ('z') {\n  'a' { 1 }\n  default { 3 }\n}", [3]),
    ("function Get-Two {\n param($A, $B = 2)\n return $A + $B\n 9\n}\nGet-Two -A 1; Get-Two 5 6", [3, 11]),
    ("$f = { param($x) $x + 1 }; & $f 4", [5]),
    ("$x = 1; & { $x = 2 }; $x", [1]),
    ("$x = 1; 1 | ForEach-Object { $x = 2 }; $x", [2]),
    ("1, 2 | ForEach-Object { if ($_ -eq 1) { return }; $_ }", [2]),
    ("try { 'a'; throw 'b'; 'c' } catch { 'd ' + $_.Exception.Message } finally { 'e' }", ["a", "d b", "e"]),
    ("try { [int]'x' } catch [System.InvalidCastException] { 'cast' } catch { 'other' }", ["cast"]),
    ("try { try { throw 'in' } catch { throw } } catch { [string]$_ }", ["in"]),
    # Cmdlets of PowerShell itself
    ("1, 2, 3 | Where-Object { $_ -gt 1 } | ForEach-Object { $_ * 2 }", [4, 6]),
    ("3, 1, 2 | Sort-Object; 3, 1 | Sort-Object -Descending", [1, 2, 3, 3, 1]),
    ("(1, 2, 3 | Measure-Object -Sum).Sum; (1, 2 | Measure-Object).Count", [6, 2]),
    ("[pscustomobject]@{ a = 1; b = 2 } | Select-Object a, @{n='c'; e={$_.b + 1}}", [{"a": 1, "c": 3}]),
    ("1, 2, 3 | Select-Object -First 1; @{}.Count", [1, 0]),
    ("Join-Path 'C:\\a\\' 'b'; Split-Path -Leaf 'C:\\a\\b'; Split-Path 'C:\\a\\b'", ["C:\\a\\b", "b", "C:\\a"]),
    ("Write-Output 'x' | Out-Null; 'y'", ["y"]),
    # .NET
    ("[Convert]::ToBase64String([Text.Encoding]::UTF8.GetBytes('a'))", ["YQ=="]),
    ("[math]::Max(1, 2); [string]::IsNullOrEmpty('')", [2, True]),
    ("[guid]::Empty.ToString('N')", ["0" * 32]),
    ("$l = [System.Collections.Generic.List[object]]::new(); $l.Add(1); $l.Add(2); $l.Count", [2]),
    ("[timespan]::FromSeconds(90).TotalMinutes", [1.5]),
]  # fmt: skip


@pytest.mark.parametrize(("script", "expected"), [case for case in CASES if case[1] is not None])
def test_it_does_what_windows_powershell_does(script: str, expected: list[object]) -> None:
    assert values(script) == expected


def test_several_variables_at_once_are_not_modelled() -> None:
    from drover_lab.hyperv.soap import NotModelledError

    with pytest.raises(NotModelledError):
        values("$a, $b = 1, 2")


def test_parameters_arrive_as_data() -> None:
    odd = "'; Stop-Computer # $(id) `n \" \u00e4\n"
    assert values('param($p) $p.name; "<$($p.name)>"', {"name": odd}) == [odd, f"<{odd}>"]

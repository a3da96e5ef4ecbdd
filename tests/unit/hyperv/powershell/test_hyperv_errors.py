"""How scripts fail, as Windows PowerShell 5.1 says it; and that what is not modelled never passes for something."""

import pytest
from posh import error, run, values

from drover.hypervisors.hyperv import bootstrap
from drover_lab.hyperv.soap import NotModelledError

FAULTS = [
    ("throw 'it is broken'", "OperationStopped", "it is broken", "it is broken"),
    ("Get-Nothing", "ObjectNotFound", "CommandNotFoundException", "The term 'Get-Nothing' is not recognized"),
    (
        "Start-Sleep -Hours 1",
        "InvalidArgument",
        "NamedParameterNotFound,Microsoft.PowerShell.Commands.StartSleepCommand",
        "A parameter cannot be found that matches parameter name 'Hours'.",
    ),
    (
        "Start-Sleep -Seconds 1 -Milliseconds 2",
        "InvalidArgument",
        "AmbiguousParameterSet,Microsoft.PowerShell.Commands.StartSleepCommand",
        "Parameter set cannot be resolved",
    ),
    (
        "Start-Sleep -Seconds 'soon'",
        "InvalidArgument",
        "CannotConvertArgumentNoMessage,Microsoft.PowerShell.Commands.StartSleepCommand",
        "Cannot bind parameter 'Seconds'.",
    ),
    (
        "Join-Path -Path 'C:\\a'",
        "InvalidArgument",
        "MissingMandatoryParameter,Microsoft.PowerShell.Commands.JoinPathCommand",
        "Cannot process command because of one or more missing mandatory parameters: ChildPath.",
    ),
    (
        "Test-Path -LiteralPath ''",
        "InvalidData",
        "ParameterArgumentValidationErrorEmptyStringNotAllowed,Microsoft.PowerShell.Commands.TestPathCommand",
        "Cannot bind argument to parameter 'LiteralPath' because it is an empty string.",
    ),
    (
        "Test-Path -LiteralPath $null",
        "InvalidData",
        "ParameterArgumentValidationErrorNullNotAllowed,Microsoft.PowerShell.Commands.TestPathCommand",
        "Cannot bind argument to parameter 'LiteralPath' because it is null.",
    ),
    (
        "Test-Path -LiteralPath 'C:\\' -PathType 'Disk'",
        "InvalidArgument",
        "CannotConvertArgumentNoMessage,Microsoft.PowerShell.Commands.TestPathCommand",
        "Cannot bind parameter 'PathType'.",
    ),
    ("$x.Trim()", "InvalidOperation", "InvokeMethodOnNull", "You cannot call a method on a null-valued expression."),
    ("$x[0]", "InvalidOperation", "NullArray", "Cannot index into a null array."),
    ("@(1).Add(2)", "NotSpecified", "NotSupportedException", 'Exception calling "Add" with "1" argument(s)'),
    ("1 / 0", "InvalidOperation", "RuntimeException", "Attempted to divide by zero."),
    ("[int]'x'", "InvalidArgument", "InvalidCastFromStringToInteger", 'Cannot convert value "x"'),
    ("@{ a = 1; A = 2 }", "ParserError", "DuplicateKeyInHashLiteral", "Duplicate keys 'A'"),
    ("Set-StrictMode -Version 2\n$none", "InvalidOperation", "VariableIsUndefined", "The variable '$none'"),
    ("Set-StrictMode -Version 2\n@(1)[0].a", "NotSpecified", "PropertyNotFoundStrict", "The property 'a'"),
    ("'{' | ConvertFrom-Json", "NotSpecified", "System.ArgumentException", "Invalid JSON primitive"),
    ("if (1 {", "NotSpecified", "ParseException", "At line 1"),
]  # fmt: skip


@pytest.mark.parametrize(("script", "category", "identity", "said"), FAULTS)
def test_a_fault_has_category_and_id(script: str, category: str, identity: str, said: str) -> None:
    found = error(script)
    assert found["category"] == category
    assert found["id"].startswith(identity)
    assert found["message"].startswith(said)


@pytest.mark.parametrize(
    "script",
    [
        "gci", "notepad.exe", "Get-WmiObject -Class 'a'", "Get-Process", "$PSVersionTable",
        "1 -shl 2", "'abc' -match '(?<n>b)'", "'a' -like '[ab]'", "[xml]'<a/>'", "'{0,5}' -f 1", "$x.Where({ $_ })",
        "(Get-Date).DayOfWeek", "Get-Date -Format 'd'", "'a'.Normalize()", "[IO.File]::ReadAllText('x')", "5 -is [int]",
        "trap { 1 }", "Start-Sleep -Sec 1", "1 | Get-Date", ". { 1 }", "Select-Object -Unique", "@\"\nx\n\"@",
        "1 > 'C:\\x'", "ConvertTo-Json @{}", "$Error.Count", "break",
        "param($a = 1, $b) 1", "[scriptblock]'x'", "switch -Regex ('x') {\n 'a' { 1 }\n}", "(Get-Date) | Out-String",
        "@{ a = Get-Date } | Select-Object *", "(1 | Measure-Object) | ConvertTo-Json -Compress",
    ],
)  # fmt: skip
def test_what_is_not_modelled_is_no_success_and_no_error_of_windows(script: str) -> None:
    with pytest.raises(NotModelledError):
        error(f"try {{\n{script}\n}} catch {{ 'caught' }}" if "param" not in script else script)


def test_an_error_can_be_passed_over_where_windows_lets_it() -> None:
    # A wrong argument ends a script whatever -ErrorAction says.
    assert error("Start-Sleep -Seconds 'x' -ErrorAction SilentlyContinue")["category"] == "InvalidArgument"


def test_without_the_bootstrap_an_error_is_clixml_and_the_exit_code() -> None:
    line = bootstrap.command_line('throw "a`r`nb <c>"')
    code, out, err = run(line)
    assert (code, out) == (1, "")
    assert bootstrap.error_text(err.encode()) == "a b <c>"


def test_exit_ends_with_its_code_and_what_was_written_stays() -> None:
    assert run(bootstrap.command_line("'a'\nexit 3\n'b'")) == (3, "a\r\n", "")


@pytest.mark.parametrize("line", ["cmd.exe /c dir", "powershell -Command 1", "powershell -EncodedCommand %%%", ""])
def test_another_command_line_is_refused(line: str) -> None:
    with pytest.raises(NotModelledError):
        run(line)


def test_a_fault_inside_a_fault_keeps_what_was_said_first() -> None:
    script = "try { throw 'first' } catch { try { throw 'second' } catch { 'x' }; $_.Exception.Message }"
    assert values(script) == ["x", "first"]

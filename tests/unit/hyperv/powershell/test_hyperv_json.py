"""ConvertTo-Json and ConvertFrom-Json as Windows PowerShell 5.1 has them, with what surprises in them."""

import pytest
from posh import values

CASES = [
    ("ConvertTo-Json -Compress -InputObject @{ a = @(1) }", '{"a":[1]}'),
    ("ConvertTo-Json -Compress -InputObject @(1)", "[1]"),
    ("@(1) | ConvertTo-Json -Compress", "1"),
    ("ConvertTo-Json -Compress -InputObject @{ x = @(& { , @(1, 2) }) }", '{"x":[{"value":[1,2],"Count":2}]}'),
    ("ConvertTo-Json -Compress -InputObject \"<a & 'b'>\u00e4\"", '"\\u003ca \\u0026 \\u0027b\\u0027\\u003e\u00e4"'),
    (
        "ConvertTo-Json -Compress -InputObject @{ a = @{ b = @{ c = @{ d = 1 } } } }",
        '{"a":{"b":{"c":"System.Collections.Hashtable"}}}',
    ),
    (
        "ConvertTo-Json -Compress -Depth 1 -InputObject @{ a = @{ b = [pscustomobject]@{ x = 1; y = 2 } } }",
        '{"a":{"b":"@{x=1; y=2}"}}',
    ),
    ("ConvertTo-Json -Compress -InputObject $null", "null"),
    ("ConvertTo-Json -Compress -InputObject @{ a = & { }; b = $true; c = 1.5 }", '{"a":null,"b":true,"c":1.5}'),
    ("ConvertTo-Json -Compress -InputObject ([datetime]'2012-01-13T04:00:00')", '"\\/Date(1326427200000)\\/"'),
    ("ConvertTo-Json -Compress -InputObject ([guid]::Empty)", '"00000000-0000-0000-0000-000000000000"'),
]


@pytest.mark.parametrize(("script", "expected"), CASES)
def test_json_is_written_as_5_1_writes_it(script: str, expected: str) -> None:
    assert values(script) == [expected]


def test_a_time_span_is_an_object() -> None:
    script = "ConvertTo-Json -Compress -InputObject ([timespan]::FromSeconds(90)) | ConvertFrom-Json"
    (found,) = values(script)
    assert (found["Ticks"], found["Minutes"], found["TotalSeconds"]) == (900000000, 1, 90.0)


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("('[1,2]' | ConvertFrom-Json).Count", [2]),
        ("@('[1,2]' | ConvertFrom-Json).Count", [1]),
        ('(\'{"a":{"b":[null,"x"]}}\' | ConvertFrom-Json).a.b[1]', ["x"]),
        ("('{\"n\":5000000000}' | ConvertFrom-Json).n + 1", [5000000001]),
    ],
)
def test_json_is_read_as_5_1_reads_it(script: str, expected: list[object]) -> None:
    assert values(script) == expected

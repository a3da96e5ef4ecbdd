"""Runs a script in the lab's PowerShell as the client does: bootstrap, standard input, answer."""

import json
from typing import Any

from drover.hypervisors.hyperv import bootstrap
from drover_lab.hyperv.powershell.engine import PowerShell
from drover_lab.hyperv.runner import Call, Streams


def calling(line: str, **changes: Any) -> Call:
    values = {
        "command": line,
        "arguments": (),
        "environment": {},
        "code_page": 65001,
        "console_input": False,
        "skip_cmd": False,
        "user": "administrator",
        "delegated": False,
    }
    return Call(**{**values, **changes})


def run(line: str, stdin: bytes = b"", runner: PowerShell | None = None, **changes: Any) -> tuple[int, str, str]:
    """:returns: exit code, standard output, standard error."""
    streams = Streams()
    streams.feed(stdin, True)
    code = (runner or PowerShell()).run(calling(line, **changes), streams)
    streams.finish(code)
    written = {"stdout": b"", "stderr": b""}
    while (found := streams.take(1 << 20, 0)) and found[0]:
        for name, data in found[0]:
            written[name] += data
    return code, written["stdout"].decode(), written["stderr"].decode()


def answer(script: str, parameters: dict[str, Any] | None = None, runner: PowerShell | None = None) -> dict[str, Any]:
    """What the bootstrap answers to a script."""
    document = bootstrap.document(script, parameters or {})
    code, out, err = run(bootstrap.command_line(), document, runner)
    return bootstrap.answer("hv", out.encode(), err.encode(), code)


def values(script: str, parameters: dict[str, Any] | None = None, runner: PowerShell | None = None) -> list[Any]:
    """What a script that ends well writes."""
    found = answer(script, parameters, runner)
    assert found["ok"], found
    return list(found["value"])


def error(script: str, parameters: dict[str, Any] | None = None, runner: PowerShell | None = None) -> dict[str, Any]:
    """How a script fails."""
    found = answer(script, parameters, runner)
    assert not found["ok"], found
    return found


def compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))

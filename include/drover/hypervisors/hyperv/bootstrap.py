"""How a script and its parameters reach Windows PowerShell 5.1, and how the answer comes back.

The command line holds one fixed bootstrap and nothing else. Script and parameters follow on standard input as one JSON
document in ASCII, so that no code page can touch them; the answer is JSON in Base64 for the same reason. A parameter
is never a part of any script's text.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from html import unescape
from typing import Any

from drover.errors import BadInputError, OperatorNeededError
from drover.hypervisors.border import one_line

# What cmd.exe takes; over it, some hosts end with 0 and say nothing.
LONGEST_COMMAND = 8191
ANSWER = "drover-answer:"
_POWERSHELL = "powershell.exe -NoProfile -NonInteractive -ExecutionPolicy Bypass -EncodedCommand "

# `$input` is what arrives by standard input. Only this fixed text is ever on a command line.
_SCRIPT = r"""
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$WarningPreference = 'SilentlyContinue'
try {
    $document = $input | Out-String | ConvertFrom-Json
    $script = [ScriptBlock]::Create($document.script)
    $value = @(& $script $document.parameters)
    $answer = [pscustomobject]@{ ok = $true; value = $value }
} catch {
    $answer = [pscustomobject]@{
        ok = $false
        category = [string]$_.CategoryInfo.Category
        id = [string]$_.FullyQualifiedErrorId
        message = [string]$_.Exception.Message
    }
}
$json = ConvertTo-Json -InputObject $answer -Depth 10 -Compress
[Console]::Out.Write('drover-answer:' + [Convert]::ToBase64String([Text.Encoding]::UTF8.GetBytes($json)))
"""


def command_line(script: str = _SCRIPT) -> str:
    """The command line that runs this script. :raises BadInputError: Windows would not take one so long."""
    line = _POWERSHELL + base64.b64encode(script.encode("utf-16-le")).decode()
    if len(line) > LONGEST_COMMAND:
        raise BadInputError(
            f"A command line of {len(line)} characters is longer than the {LONGEST_COMMAND} that Windows takes.",
            remedy="Send the script by standard input.",
        )
    return line


def document(script: str, parameters: Mapping[str, object]) -> bytes:
    """What standard input holds: one line of ASCII."""
    return json.dumps({"script": script, "parameters": parameters}, ensure_ascii=True).encode("ascii") + b"\n"


def answer(host: str, out: bytes, err: bytes, exit_code: int) -> dict[str, Any]:
    """What the bootstrap answered. :raises OperatorNeededError: PowerShell said something else, or nothing."""
    _, mark, encoded = out.rpartition(ANSWER.encode())
    try:
        if not mark:
            raise ValueError("no answer")
        found = json.loads(base64.b64decode(b"".join(encoded.split()), validate=True).decode())
        if not isinstance(found, dict) or not isinstance(found.get("ok"), bool):
            raise ValueError("another answer")
    except (ValueError, binascii.Error):
        said = error_text(err) or one_line(out.decode(errors="replace"))[-400:] or "it said nothing"
        raise OperatorNeededError(
            f"PowerShell on {host} ended with {exit_code} and gave no answer: {said}.",
            remedy="See whether 'powershell.exe' runs there for this login and is not restricted by policy.",
        ) from None
    return found


def error_text(err: bytes) -> str:
    """PowerShell's own words, out of the CLIXML in which it writes them to standard error."""
    text = err.decode(errors="replace")
    if "<Objs" in text:
        parts = re.findall(r'<S S="Error">(.*?)</S>', text, re.DOTALL)
        # CLIXML writes what XML cannot hold as _xHHHH_.
        text = re.sub(r"_x([0-9A-Fa-f]{4})_", lambda found: chr(int(found[1], 16)), unescape("".join(parts)))
    return one_line(text)[:400]

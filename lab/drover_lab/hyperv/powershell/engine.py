"""What a shell runs: powershell.exe with an encoded command, as far as the model goes."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

from drover_lab.hyperv.powershell import objects
from drover_lab.hyperv.powershell.console import Console
from drover_lab.hyperv.powershell.convert import type_of
from drover_lab.hyperv.powershell.faults import BreakOut, Cancelled, ContinueOut, ExitOut, ReturnOut, ScriptFault
from drover_lab.hyperv.powershell.invocation import Run
from drover_lab.hyperv.powershell.statements import Interpreter
from drover_lab.hyperv.runner import Call, Streams
from drover_lab.hyperv.soap import NotModelledError

_CANCELLED = 1
_SWITCHES = {"-noprofile", "-noninteractive"}


def script_of(call: Call) -> str:
    """The script on a command line. :raises NotModelledError: it is another command."""
    words = " ".join((call.command, *call.arguments)).split()
    if not words or words[0].lower() not in ("powershell", "powershell.exe"):
        raise NotModelledError(f"the command {' '.join(words)[:60]!r}")
    rest = words[1:]
    while rest and rest[0].lower() != "-encodedcommand":
        if rest[0].lower() == "-executionpolicy" and len(rest) > 1:
            rest = rest[2:]
        elif rest[0].lower() in _SWITCHES:
            rest = rest[1:]
        else:
            raise NotModelledError(f"powershell {rest[0]}")
    if len(rest) != 2:
        raise NotModelledError("powershell without an encoded command")
    try:
        return base64.b64decode(rest[1], validate=True).decode("utf-16-le")
    except (binascii.Error, UnicodeDecodeError):
        raise NotModelledError("an encoded command that cannot be decoded") from None


class PowerShell:
    """A Runner without a host: the cmdlets of PowerShell itself. :param known: more cmdlets, by name."""

    def __init__(self, known: Mapping[str, Run] | None = None) -> None:
        self._known: dict[str, Run] = {**objects.CMDLETS, **(known or {})}

    def run(self, call: Call, streams: Streams) -> int:
        script = script_of(call)
        console = Console(call, streams)
        # Windows PowerShell reads its input before it begins, and keeps it for $input.
        lines = [] if call.console_input else console.lines()
        shell = Interpreter(console)
        shell.known = self._known
        shell.scope.variables["input"] = lines
        try:
            return self._run(shell, script, console)
        except Cancelled:
            return _CANCELLED

    def _run(self, shell: Interpreter, script: str, console: Console) -> int:
        out: list[Any] = []
        code = 0
        try:
            shell.body(shell.compiled(script), out)
        except ExitOut as way:
            code = way.code
        except (BreakOut, ContinueOut, ReturnOut) as way:
            raise NotModelledError(f"{type(way).__name__} outside a loop") from None
        except ScriptFault as error:
            code = 1
            console.error.write(clixml(error.record.exception.message))
        for item in out:
            console.out.write(_shown(item) + "\r\n")
        return code

    def reboot(self) -> None:
        """Nothing is kept."""


def _shown(item: Any) -> str:
    if isinstance(item, str | int) and not isinstance(item, bool):
        return str(item)
    raise NotModelledError(f"how Windows formats {type_of(item) if item is not None else '$null'}")


def clixml(message: str) -> str:
    """An error as powershell.exe writes it to standard error, when that is no console."""
    written = escape(message).replace("\r", "_x000D_").replace("\n", "_x000A_")
    schema = "http://schemas.microsoft.com/powershell/2004/04"
    return f'#< CLIXML\r\n<Objs Version="1.1.0.1" xmlns="{schema}"><S S="Error">{written}_x000D__x000A_</S></Objs>'

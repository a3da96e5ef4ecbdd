"""What each WinRM action does. Only this knows both the messages and the shells."""

import base64
import binascii
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from drover_lab.hyperv import soap, wsfault
from drover_lab.hyperv.runner import Call
from drover_lab.hyperv.shells import Shell, Shells
from drover_lab.hyperv.soap import NotModelledError, Request, element

PRODUCT = "OS: 10.0.20348 SP: 0.0 Stack: 3.0"
_STATE = f"{soap.RSP}/CommandState"
_SIGNALS = {f"{soap.RSP}/signal/{name}" for name in ("terminate", "Terminate", "ctrl_c", "ctrl_break")}
_OPTIONS = {
    "Create": {"WINRS_NOPROFILE", "WINRS_CODEPAGE"},
    "Command": {"WINRS_CONSOLEMODE_STDIN", "WINRS_SKIP_CMD_SHELL"},
    "Receive": {"WSMAN_CMDSHELL_OPTION_KEEPALIVE"},
}
_ROOM = 4096  # bytes of an answer that are not output


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. :param delegated: whether the login can be used at a second host."""

    user: str
    address: str
    delegated: bool = False


class Service:
    """Answers requests that were authenticated and unsealed."""

    def __init__(self, shells: Shells, machine: str, endpoint: str) -> None:
        self._shells = shells
        self._machine = machine
        self._endpoint = endpoint
        self._actions = {
            f"{soap.TRANSFER}/Create": self._create,
            f"{soap.TRANSFER}/Delete": self._delete,
            f"{soap.TRANSFER}/Get": self._get,
            f"{soap.N}/Enumerate": self._enumerate,
            f"{soap.RSP}/Command": self._command,
            f"{soap.RSP}/Send": self._send,
            f"{soap.RSP}/Receive": self._receive,
            f"{soap.RSP}/Signal": self._signal,
        }

    def handle(self, request: Request, caller: Caller, size: int) -> tuple[int, bytes]:
        """:returns: the HTTP status and the message. :raises NotModelledError: nobody knows how Windows answers."""
        if request.name == "Identify":
            return 200, soap.identity(PRODUCT)
        action = self._actions.get(request.action)
        resource = soap.SHELLS if request.name == "Enumerate" else soap.CMD
        if action is None or request.resource != resource:
            raise NotModelledError(f"the action {request.action} on {request.resource}")
        unknown = set(request.options) - _OPTIONS.get(request.name, set())
        if unknown:
            raise NotModelledError(f"the options {sorted(unknown)} of {request.name}")
        try:
            if size > self._shells.quotas.envelope_bytes:
                raise wsfault.too_large()
            return 200, action(request, caller)
        except wsfault.Fault as fault:
            return 500, fault.xml(request, self._machine)

    def refuse(self, request: Request, fault: wsfault.Fault) -> tuple[int, bytes]:
        return 500, fault.xml(request, self._machine)

    def _create(self, request: Request, caller: Caller) -> bytes:
        body = request.element("Shell")
        values = {child.tag.rpartition("}")[2]: child for child in body}
        unknown = set(values) - {"InputStreams", "OutputStreams", "Environment", "WorkingDirectory", "IdleTimeOut"}
        if unknown or body.attrib:
            raise NotModelledError(f"{sorted(unknown | set(body.attrib))} of a shell")
        if _text(values, "InputStreams") != "stdin" or _text(values, "OutputStreams") != "stdout stderr":
            raise NotModelledError("other streams than stdin, stdout and stderr")
        idle = _text(values, "IdleTimeOut")
        variables = list(values.get("Environment") or ())
        shell = Shell(
            id=soap.guid(),
            owner=caller.user,
            client=caller.address,
            environment={item.get("Name", ""): item.text or "" for item in variables},
            code_page=int(request.options.get("WINRS_CODEPAGE", "437")),
            idle_timeout=soap.duration(idle) if idle else self._shells.quotas.idle_timeout,
            working_directory=_text(values, "WorkingDirectory"),
            delegated=caller.delegated,
        )
        self._shells.add(shell)
        selector = element("w:Selector", shell.id, Name="ShellId")
        reference = element("w:ResourceURI", soap.CMD) + f"<w:SelectorSet>{selector}</w:SelectorSet>"
        created = element("a:Address", self._endpoint) + f"<a:ReferenceParameters>{reference}</a:ReferenceParameters>"
        return soap.answer(request, f"<x:ResourceCreated>{created}</x:ResourceCreated>{shell.xml()}")

    def _shell(self, request: Request, caller: Caller) -> Shell:
        if set(request.selectors) != {"ShellId"}:
            raise NotModelledError(f"the selectors {sorted(request.selectors)} of {request.name}")
        return self._shells.get(request.selectors["ShellId"], caller.user)

    def _delete(self, request: Request, caller: Caller) -> bytes:
        self._shells.remove(self._shell(request, caller))
        return soap.answer(request, "")

    def _get(self, request: Request, caller: Caller) -> bytes:
        return soap.answer(request, self._shell(request, caller).xml(enumerated=True))

    def _enumerate(self, request: Request, caller: Caller) -> bytes:
        asked = request.element("Enumerate", soap.N)
        if {child.tag.rpartition("}")[2] for child in asked} != {"OptimizeEnumeration", "MaxElements"}:
            raise NotModelledError("an enumeration that is filtered, or not optimized")
        found = self._shells.all(caller.user)
        if len(found) > int(asked.findtext(f"{{{soap.W}}}MaxElements") or 0):
            raise NotModelledError("an enumeration in several parts")
        items = "".join(shell.xml(enumerated=True) for shell in found)
        inner = "<n:EnumerationContext></n:EnumerationContext>" + (f"<w:Items>{items}</w:Items>" if items else "")
        return soap.answer(request, f"<n:EnumerateResponse>{inner}<w:EndOfSequence/></n:EnumerateResponse>")

    def _command(self, request: Request, caller: Caller) -> bytes:
        shell = self._shell(request, caller)
        body = request.element("CommandLine")
        if body.attrib:
            raise NotModelledError("a command that has an id before it is started")
        call = Call(
            command=body.findtext(f"{{{soap.RSP}}}Command") or "",
            arguments=tuple(item.text or "" for item in body.findall(f"{{{soap.RSP}}}Arguments")),
            environment=shell.environment,
            code_page=shell.code_page,
            console_input=_flag(request, "WINRS_CONSOLEMODE_STDIN", default=True),
            skip_cmd=_flag(request, "WINRS_SKIP_CMD_SHELL", default=False),
            user=caller.user,
            delegated=shell.delegated,
        )
        inner = element("rsp:CommandId", self._shells.start(shell, call))
        return soap.answer(request, f"<rsp:CommandResponse>{inner}</rsp:CommandResponse>")

    def _send(self, request: Request, caller: Caller) -> bytes:
        shell = self._shell(request, caller)
        for stream in request.element("Send"):
            if stream.get("Name") != "stdin":
                raise wsfault.bad_parameter()
            try:
                data = base64.b64decode(stream.text or "", validate=True)
            except binascii.Error:
                raise wsfault.bad_parameter() from None
            streams = self._shells.command(shell, stream.get("CommandId"))
            if not streams.feed(data, stream.get("End", "false").lower() in ("true", "1")):
                raise wsfault.bad_parameter()
        return soap.answer(request, "<rsp:SendResponse/>")

    def _receive(self, request: Request, caller: Caller) -> bytes:
        shell = self._shell(request, caller)
        desired = request.element("Receive").find(f"{{{soap.RSP}}}DesiredStream")
        command_id = desired.get("CommandId") if desired is not None else None
        if desired is not None and (desired.text or "").split() != ["stdout", "stderr"]:
            raise NotModelledError("a Receive of one stream alone")
        streams = self._shells.command(shell, command_id)
        room = min(request.max_envelope, self._shells.quotas.envelope_bytes) - _ROOM
        shell.waiting += 1
        try:
            taken = streams.take(room * 3 // 4 * 9 // 10, request.timeout)
        finally:
            shell.waiting -= 1
        if streams.cancelled.is_set():
            raise wsfault.aborted()
        if taken is None:
            raise wsfault.timed_out()
        assert command_id is not None
        return soap.answer(request, _output(command_id, *taken))

    def _signal(self, request: Request, caller: Caller) -> bytes:
        shell = self._shell(request, caller)
        body = request.element("Signal")
        if body.findtext(f"{{{soap.RSP}}}Code") not in _SIGNALS:
            raise NotModelledError(f"the signal {body.findtext(f'{{{soap.RSP}}}Code')}")
        self._shells.end(shell, body.get("CommandId", ""))
        return soap.answer(request, "<rsp:SignalResponse/>")


def _text(values: dict[str, Element], name: str) -> str | None:
    return values[name].text if name in values else None


def _flag(request: Request, name: str, *, default: bool) -> bool:
    return request.options.get(name, str(default)).upper() == "TRUE"


def _output(command_id: str, pieces: list[tuple[str, bytes]], exit_code: int | None) -> str:
    inner = "".join(
        element("rsp:Stream", base64.b64encode(data).decode(), Name=name, CommandId=command_id) for name, data in pieces
    )
    if exit_code is None:
        state = f'<rsp:CommandState CommandId="{command_id}" State="{_STATE}/Running"/>'
    else:
        for name in ("stdout", "stderr"):
            inner += element("rsp:Stream", "", Name=name, CommandId=command_id, End="true")
        code = element("rsp:ExitCode", str(exit_code))
        state = f'<rsp:CommandState CommandId="{command_id}" State="{_STATE}/Done">{code}</rsp:CommandState>'
    return f"<rsp:ReceiveResponse>{inner}{state}</rsp:ReceiveResponse>"

"""The shells of one host and the commands that run in them."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from drover_lab.hyperv import wsfault
from drover_lab.hyperv.runner import Call, Runner, Streams
from drover_lab.hyperv.soap import CMD, NotModelledError, elapsed, element, guid

UNSUPPORTED = 250  # what a command ends with that the runner does not model


@dataclass(frozen=True, slots=True)
class Quotas:
    """Windows' own defaults. Idle times are seconds."""

    shells_per_user: int = 30
    commands_per_shell: int = 25
    envelope_bytes: int = 500 * 1024
    idle_timeout: float = 7200.0


@dataclass(slots=True)
class Shell:
    id: str
    owner: str
    client: str
    environment: Mapping[str, str]
    code_page: int
    idle_timeout: float
    working_directory: str | None
    delegated: bool
    born: float = field(default_factory=time.monotonic)
    used: float = field(default_factory=time.monotonic)
    waiting: int = 0  # requests that are being answered: such a shell is not idle
    commands: dict[str, Streams] = field(default_factory=dict)

    def xml(self, *, enumerated: bool = False) -> str:
        """As Windows describes it, in Windows' order."""
        now = time.monotonic()
        inner = element("rsp:ShellId", self.id) + element("rsp:ResourceUri", CMD) + element("rsp:Owner", self.owner)
        inner += element("rsp:ClientIP", self.client)
        if self.environment:
            variables = "".join(element("rsp:Variable", text, Name=name) for name, text in self.environment.items())
            inner += f"<rsp:Environment>{variables}</rsp:Environment>"
        if self.working_directory:
            inner += element("rsp:WorkingDirectory", self.working_directory)
        inner += element("rsp:IdleTimeOut", f"PT{self.idle_timeout:.3f}S")
        inner += element("rsp:InputStreams", "stdin") + element("rsp:OutputStreams", "stdout stderr")
        inner += element("rsp:ShellRunTime", elapsed(now - self.born))
        inner += element("rsp:ShellInactivity", elapsed(now - self.used))
        if enumerated:
            inner += element("rsp:MemoryUsed", "2MB") + element("rsp:ChildProcesses", str(len(self.commands)))
        return f'<rsp:Shell xmlns:rsp="http://schemas.microsoft.com/wbem/wsman/1/windows/shell">{inner}</rsp:Shell>'


class Shells:
    """All shells of the host. Every method may be called by any thread."""

    def __init__(self, runner: Runner, quotas: Quotas) -> None:
        self.quotas = quotas
        self.unmodelled: list[str] = []
        self._runner = runner
        self._lock = threading.RLock()
        self._shells: dict[str, Shell] = {}

    def all(self, user: str | None = None) -> list[Shell]:
        with self._lock:
            return [shell for shell in self._shells.values() if user is None or shell.owner == user]

    def add(self, shell: Shell) -> None:
        """:raises Fault: its owner has as many as he may."""
        with self._lock:
            if len(self.all(shell.owner)) >= self.quotas.shells_per_user:
                raise wsfault.too_many_shells(self.quotas.shells_per_user)
            self._shells[shell.id] = shell

    def get(self, shell_id: str, user: str) -> Shell:
        """:raises Fault: there is none, or it is somebody else's."""
        with self._lock:
            shell = self._shells.get(shell_id.upper())
            if shell is None or shell.owner != user:
                raise wsfault.no_such_shell(shell_id)
            shell.used = time.monotonic()
            return shell

    def remove(self, shell: Shell) -> None:
        """Takes it away with everything that runs in it."""
        with self._lock:
            self._shells.pop(shell.id, None)
            commands = list(shell.commands.values())
            shell.commands.clear()
        for streams in commands:
            streams.cancel()

    def remove_idle(self) -> None:
        now = time.monotonic()
        for shell in self.all():
            if not shell.waiting and now - shell.used > shell.idle_timeout:
                self.remove(shell)

    def reboot(self) -> None:
        for shell in self.all():
            self.remove(shell)
        self._runner.reboot()

    def start(self, shell: Shell, call: Call) -> str:
        """Starts a command. :returns: its id. :raises Fault: too many run in this shell."""
        streams, command_id = Streams(), guid()
        with self._lock:
            if len(shell.commands) >= self.quotas.commands_per_shell:
                raise wsfault.too_many_commands(self.quotas.commands_per_shell)
            shell.commands[command_id] = streams
        threading.Thread(target=self._run, args=(call, streams), name=command_id, daemon=True).start()
        return command_id

    def command(self, shell: Shell, command_id: str | None) -> Streams:
        """:raises Fault: there is none."""
        if not command_id:
            raise wsfault.bad_parameter()
        with self._lock:
            streams = shell.commands.get(command_id.upper())
        if streams is None:
            raise wsfault.no_such_command()
        return streams

    def end(self, shell: Shell, command_id: str) -> None:
        self.command(shell, command_id).cancel()
        with self._lock:
            shell.commands.pop(command_id.upper(), None)

    def _run(self, call: Call, streams: Streams) -> None:
        code = UNSUPPORTED
        try:
            code = self._runner.run(call, streams)
        except NotModelledError as error:
            self._fail(streams, str(error))
        except Exception as error:  # noqa: BLE001 - a mistake of the runner must be seen at the client, not lost here
            self._fail(streams, f"{type(error).__name__}: {error}")
        finally:
            streams.finish(code)

    def _fail(self, streams: Streams, why: str) -> None:
        if streams.cancelled.is_set():  # what is killed in the middle of its input has no words that count
            return
        self.unmodelled.append(why)
        streams.write(f"The simulated host does not model this: {why}\r\n".encode(), "stderr")

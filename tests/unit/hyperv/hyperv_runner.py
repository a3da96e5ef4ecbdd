"""What runs in the shells of the tests' host: a stand-in for PowerShell that knows a few words, and refuses the rest.

It decodes what the client sends as PowerShell would, so that a test sees whether script and parameters arrived; what
the words mean is the test's own business.
"""

import base64
import json
from collections.abc import Callable
from typing import Any

from drover.hypervisors.hyperv import bootstrap
from drover_lab.hyperv.runner import Call, Streams
from drover_lab.hyperv.soap import NotModelledError


class WordRunner:
    def run(self, call: Call, streams: Streams) -> int:
        line = " ".join((call.command, *call.arguments))
        program, _, encoded = line.lower().partition(" -encodedcommand ")
        if not encoded:
            raise NotModelledError(f"the command {line[:60]!r}")
        script = base64.b64decode(line[-len(encoded) :]).decode("utf-16-le")
        if program == "powershell":  # pywinrm's own run_ps
            streams.write(f"{call.user} says {script}\r\n".encode(_encoding(call)))
            return 0
        if script != bootstrap._SCRIPT or call.console_input or call.code_page != 65001:
            raise NotModelledError("another bootstrap, or one with other input and output")
        document = json.loads(streams.read().decode("ascii"))
        return WORDS[document["script"]](document["parameters"], call, streams)

    def boot(self) -> None:
        """Nothing starts by itself."""

    def reboot(self) -> None:
        """Nothing is kept."""


def _encoding(call: Call) -> str:
    return "utf-8" if call.code_page == 65001 else f"cp{call.code_page}"


def answer(streams: Streams, **values: Any) -> int:
    encoded = base64.b64encode(json.dumps(values).encode())
    streams.write(bootstrap.ANSWER.encode() + encoded)
    return 0


def echo(parameters: dict[str, Any], call: Call, streams: Streams) -> int:
    return answer(streams, ok=True, value=[parameters])


def who(parameters: dict[str, Any], call: Call, streams: Streams) -> int:
    return answer(streams, ok=True, value=[{"user": call.user, "delegated": call.delegated}])


def noisy(parameters: dict[str, Any], call: Call, streams: Streams) -> int:
    """Programs that PowerShell starts write in a code page of their own."""
    streams.write("Größe ändern\r\n".encode("cp850"))
    streams.write("Übertragung läuft\r\n".encode("cp1252"), "stderr")
    return answer(streams, ok=True, value=["ä'ß€"])


def wait(parameters: dict[str, Any], call: Call, streams: Streams) -> int:
    streams.cancelled.wait(parameters.get("seconds", 60))
    return answer(streams, ok=True, value=["waited"])


def fail(parameters: dict[str, Any], call: Call, streams: Streams) -> int:
    return answer(streams, ok=False, **parameters)


def restricted(parameters: dict[str, Any], call: Call, streams: Streams) -> int:
    said = "Cannot invoke method. Method invocation is supported only on core types_x000D__x000A_"
    namespace = "http://schemas.microsoft.com/powershell/2004/04"
    xml = f'<Objs Version="1.1.0.1" xmlns="{namespace}"><S S="Error">{said}</S></Objs>'
    streams.write(b"#< CLIXML\r\n" + xml.encode(), "stderr")
    return 1


WORDS: dict[str, Callable[[dict[str, Any], Call, Streams], int]] = {
    "echo": echo,
    "who": who,
    "noisy": noisy,
    "wait": wait,
    "fail": fail,
    "restricted": restricted,
}

"""What a script has of the world outside PowerShell: its input, its output, its environment, and being ended."""

from collections.abc import Mapping
from typing import Any

from drover_lab.hyperv.powershell.convert import text
from drover_lab.hyperv.powershell.values import NOTHING
from drover_lab.hyperv.runner import Call, Streams
from drover_lab.hyperv.soap import NotModelledError


class Writer:
    """[Console]::Out or [Console]::Error."""

    def __init__(self, streams: Streams, name: str, codec: str) -> None:
        self._streams, self._name, self._codec = streams, name, codec

    def write(self, written: str) -> None:
        self._streams.write(written.encode(self._codec, "replace"), self._name)

    def call(self, name: str, arguments: list[Any]) -> Any:
        ends = {"write": "", "writeline": "\r\n"}
        if name.lower() not in ends or len(arguments) != 1:
            raise NotModelledError(f"[Console]::Out.{name}")
        self.write(text(arguments[0]) + ends[name.lower()])
        return NOTHING


class Console:
    def __init__(self, call: Call, streams: Streams) -> None:
        codec = "utf-8" if call.code_page == 65001 else f"cp{call.code_page}"
        self.environment: Mapping[str, str] = call.environment
        self.user, self.delegated = call.user, call.delegated
        self.out, self.error = Writer(streams, "stdout", codec), Writer(streams, "stderr", codec)
        self._streams, self._codec = streams, codec

    def lines(self) -> list[str]:
        """Everything that standard input holds."""
        return self._streams.read().decode(self._codec, "replace").splitlines()

    def cancelled(self) -> bool:
        return self._streams.cancelled.is_set()

    def wait(self, seconds: float) -> None:
        self._streams.cancelled.wait(seconds)

    def stream(self, name: str) -> Writer:
        if name.lower() not in ("out", "error"):
            raise NotModelledError(f"[Console]::{name}")
        return self.out if name.lower() == "out" else self.error

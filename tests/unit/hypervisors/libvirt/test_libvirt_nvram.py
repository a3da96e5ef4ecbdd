"""The UEFI variables that a machine is defined with."""

import base64
import gzip
from types import SimpleNamespace

from drover.hypervisors.libvirt import define, xml
from drover.model import Firmware


def test_those_of_an_earlier_try_are_replaced() -> None:
    """The guest may have run on at the source since, and changed its boot entries or keys."""
    written = []

    def check(argv: list[str], stdin: bytes) -> None:
        written.append((argv[-1], stdin))

    ssh = SimpleNamespace(sftp=SimpleNamespace(lstat=lambda _: None), check=check)
    packed = base64.b64encode(gzip.compress(b"new variables")).decode()
    native = f"<domain><metadata><d:nvram xmlns:d='{xml.NVRAM}'>{packed}</d:nvram></metadata></domain>"
    machine = SimpleNamespace(hypervisor="libvirt", firmware=Firmware.UEFI, native=native, name="web")
    define._put_nvram(SimpleNamespace(ssh=ssh), machine)  # type: ignore[arg-type]
    assert written == [(define.nvram_file("web"), b"new variables")]

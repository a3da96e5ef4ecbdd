"""A real SMB server with one volume of a Windows host, on a port of its own: as the lab's hosts have it."""

import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from drover.hypervisors.connection import ConnectionSpec
from drover_lab.hyperv import samba as server
from drover_lab.process import wait_until

PASSWORD = "Sésame 'öffne' dich"


class Samba:
    """:attr volume: what the host calls `D:\\`."""

    def __init__(
        self, folder: Path, encrypt: str = "required", volume: Path | None = None, password: str = PASSWORD
    ) -> None:
        self.volume = volume or folder / "volume"
        self.volume.mkdir(parents=True, exist_ok=True)
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        drives = {"D": self.volume}
        server.write(folder, drives, password, address="127.0.0.1", port=self.port, encrypt=encrypt)
        self._folder = folder
        self.start()

    def start(self) -> None:
        """Also after `stop`, at the same port."""
        with open(self._folder / "smbd.log", "ab") as log:
            # In a session of its own: when it ends, it ends its whole process group.
            self.process = subprocess.Popen(
                [sys.executable, "-m", "drover_lab.hyperv.samba", str(self._folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_until("samba answers", self._answers, deadline=30, interval=0.05)

    def _answers(self) -> bool:
        assert self.process.poll() is None, "samba ended"
        with closing(socket.socket()) as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def spec(self, **changes: object) -> ConnectionSpec:
        extra = {"smb_port": self.port, **changes}
        password = str(extra.pop("password", PASSWORD))
        login = str(extra.pop("login", "administrator"))
        return ConnectionSpec("hv_a", "hyperv", "127.0.0.1", login, password, None, extra)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()

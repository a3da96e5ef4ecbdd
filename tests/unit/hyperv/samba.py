"""A real SMB server with one volume of a Windows host, on a port of its own."""

import shutil
import socket
import subprocess
from contextlib import closing
from pathlib import Path

from drover.hypervisors.connection import ConnectionSpec
from drover_lab.process import wait_until

PASSWORD = "Sésame 'öffne' dich"


class Samba:
    """:attr volume: what the host calls `D:\\`."""

    def __init__(
        self, folder: Path, encrypt: str = "required", volume: Path | None = None, password: str = PASSWORD
    ) -> None:
        self.volume = volume or folder / "volume"
        self.volume.mkdir(parents=True, exist_ok=True)
        for name in ("state", "lock", "cache", "run", "private", "ncalrpc"):
            (folder / name).mkdir(parents=True)
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        (folder / "users").write_text("root = administrator\n")
        conf = folder / "smb.conf"
        conf.write_text(f"""
[global]
    server role = standalone server
    interfaces = 127.0.0.1
    bind interfaces only = yes
    smb ports = {self.port}
    disable netbios = yes
    server smb encrypt = {encrypt}
    username map = {folder}/users
    passdb backend = tdbsam:{folder}/private/passdb.tdb
    private dir = {folder}/private
    state directory = {folder}/state
    lock directory = {folder}/lock
    cache directory = {folder}/cache
    pid directory = {folder}/run
    ncalrpc dir = {folder}/ncalrpc
    log file = {folder}/log.%m
    load printers = no
[D$]
    path = {self.volume}
    read only = no
    strict allocate = no
""")
        given = f"{password}\n{password}\n".encode()
        subprocess.run(["smbpasswd", "-c", str(conf), "-s", "-a", "root"], input=given, check=True, capture_output=True)
        program = shutil.which("smbd")
        assert program is not None
        argv = [program, "--foreground", "--no-process-group", "--debug-stdout", "--configfile", str(conf)]
        self._log = open(folder / "smbd.log", "wb")  # noqa: SIM115
        # In a session of its own: when it ends, it ends its whole process group.
        self.process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, start_new_session=True
        )
        wait_until("samba answers", self._answers, deadline=30, interval=0.05)

    def _answers(self) -> bool:
        assert self.process.poll() is None, "samba ended"
        with closing(socket.socket()) as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def spec(self, **changes: object) -> ConnectionSpec:
        extra = {"smb_port": self.port, **changes}
        password = str(extra.pop("password", PASSWORD))
        return ConnectionSpec("hv_a", "hyperv", "127.0.0.1", "administrator", password, None, extra)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()
        self._log.close()

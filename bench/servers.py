"""What the measurements run against: qemu-nbd on unix sockets, and a private sshd on loopback."""

import os
import pwd
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from drover.errors import RetryableError

_READY = 20.0


@contextmanager
def served(path: Path, place: Path, *, read_only: bool) -> Iterator[str]:
    """The NBD URI of a raw image behind a qemu-nbd of its own, the same for Drover and for its peers."""
    argv = ["setpriv", "--pdeathsig", "KILL", "qemu-nbd", "--persistent", "--shared", "16", "--format", "raw"]
    argv += ["--socket", str(place), "--discard", "unmap", *(["--read-only"] if read_only else []), str(path)]
    with running(argv, lambda: greets(place, b"NBDMAGIC")):
        yield f"nbd+unix:///?socket={place}"
    place.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Sshd:
    """A private SSH server. :param key: the user's private key. :param known_hosts: a file that names its host key."""

    port: int
    login: str
    key: Path
    known_hosts: Path


@contextmanager
def sshd(folder: Path) -> Iterator[Sshd]:
    folder.mkdir(mode=0o700)
    port = _free_port()
    for name in ("host", "user"):
        _run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)])
    host_key = " ".join((folder / "host.pub").read_text().split()[:2])
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {host_key}\n")
    (folder / "authorized").write_text((folder / "user.pub").read_text())
    (folder / "config").write_text(
        f"ListenAddress 127.0.0.1\nPort {port}\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized\n"
        f"PidFile {folder}/pid\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n"
        "PermitRootLogin prohibit-password\n"
    )
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    argv = ["setpriv", "--pdeathsig", "TERM", "/usr/sbin/sshd", "-D", "-e", "-f", str(folder / "config")]
    with running(argv, lambda: _port_answers(port)):
        login = pwd.getpwuid(os.getuid()).pw_name
        yield Sshd(port, login, folder / "user", folder / "known_hosts")


@contextmanager
def openssh_forwards(server: Sshd, places: dict[Path, Path]) -> Iterator[None]:
    """OpenSSH's own client with its own defaults, as a peer's user would do it. :param places: here to there."""
    argv = ["setpriv", "--pdeathsig", "TERM", "ssh", "-N", "-F", "/dev/null", "-i", str(server.key)]
    argv += ["-o", f"UserKnownHostsFile={server.known_hosts}", "-o", "BatchMode=yes", "-o", "ExitOnForwardFailure=yes"]
    argv += ["-p", str(server.port)]
    for here, there in places.items():
        argv += ["-L", f"{here}:{there}"]
    with running([*argv, f"{server.login}@127.0.0.1"], lambda: all(greets(here, b"NBDMAGIC") for here in places)):
        yield
    for here in places:
        here.unlink(missing_ok=True)


@contextmanager
def running(argv: list[str], ready: Callable[[], bool]) -> Iterator[None]:
    with ExitStack() as stack:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        stack.callback(process.wait)
        stack.callback(process.terminate)
        until = time.monotonic() + _READY
        while not ready():
            if process.poll() is not None or time.monotonic() > until:
                raise RetryableError(f"{' '.join(argv)[:80]} does not come up.", remedy="Run it by hand to see why.")
            time.sleep(0.01)
        yield


def greets(place: Path, greeting: bytes) -> bool:
    with socket.socket(socket.AF_UNIX) as client, suppress(OSError):
        client.settimeout(1)
        client.connect(str(place))
        return client.recv(len(greeting)) == greeting
    return False


def _port_answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _run(argv: list[str]) -> None:
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

"""PostgreSQL and Redis of the distribution, in folders and on ports of a test's own."""

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

SECONDS = 60


@contextmanager
def services() -> Iterator[tuple[str, str]]:
    """PostgreSQL (Airflow's address of its database) and Redis (its address); nothing of either stays."""
    with TemporaryDirectory(prefix="drover-services-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL refuses to be root, so another user must get in here
        with postgres(folder) as database, redis(folder) as broker:
            yield database, broker


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """A server of its own on loopback; gives Airflow's address of its database."""
    binaries = max(Path("/usr/lib/postgresql").iterdir(), key=lambda path: int(path.name)) / "bin"
    data = folder / "postgres"
    user = pwd.getpwnam("postgres")
    data.mkdir(mode=0o700)
    os.chown(data, user.pw_uid, user.pw_gid)
    _as(user, [binaries / "initdb", "-D", data, "-U", "airflow", "-A", "trust", "--no-sync"], data)
    port = free_port()
    options = ["-p", str(port), "-k", str(data), "-h", "127.0.0.1", "-F"]
    server = subprocess.Popen(
        [binaries / "postgres", "-D", data, *options],
        user=user.pw_uid,
        group=user.pw_gid,
        extra_groups=[],
        cwd=data,
        stdout=(folder / "postgres.log").open("wb"),
        stderr=subprocess.STDOUT,
    )
    try:
        _await_port(port, server)
        _as(user, [binaries / "createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "airflow", "airflow"], data)
        yield f"postgresql+psycopg2://airflow@127.0.0.1:{port}/airflow"
    finally:
        server.terminate()
        server.wait(timeout=SECONDS)


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """A server of its own on loopback, which keeps nothing; gives its address."""
    port = free_port()
    command = shutil.which("redis-server")
    assert command, "redis-server is not installed; ./drover test installs it"
    server = subprocess.Popen(
        [command, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
        cwd=folder,
        stdout=(folder / "redis.log").open("wb"),
        stderr=subprocess.STDOUT,
    )
    try:
        _await_port(port, server)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait(timeout=SECONDS)


def _as(user: pwd.struct_passwd, command: list[str | Path], folder: Path) -> None:
    done = subprocess.run(
        command, user=user.pw_uid, group=user.pw_gid, extra_groups=[], cwd=folder, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()


def _await_port(port: int, server: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + SECONDS
    while True:
        assert server.poll() is None, "the server ended at its start; see its log"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < end
            time.sleep(0.1)
        else:
            return

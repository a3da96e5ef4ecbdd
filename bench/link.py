"""A link of limited rate: a network namespace of its own whose loopback is limited by tbf, the kernel's own filter.

client -> unix socket -> nbdkit in the namespace -> TCP over the limited loopback -> qemu-nbd in the namespace
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.servers import greets, running

_PORT = 10809


@contextmanager
def limited(image: Path, place: Path, rate: int) -> Iterator[str]:
    """The NBD URI of `image`, read-only, behind such a link. Needs root. :param rate: bits a second."""
    name = f"drover-bench-{os.getpid()}"
    _run("ip", "netns", "add", name)
    try:
        _run("ip", "-n", name, "link", "set", "lo", "up")
        limit = ["rate", f"{rate}bit", "burst", "256kb", "latency", "50ms"]
        _run("ip", "netns", "exec", name, "tc", "qdisc", "add", "dev", "lo", "root", "tbf", *limit)
        with _served_behind(name, image, place):
            yield f"nbd+unix:///?socket={place}"
    finally:
        _run("ip", "netns", "delete", name)


@contextmanager
def _served_behind(name: str, image: Path, place: Path) -> Iterator[None]:
    inside = ["ip", "netns", "exec", name, "setpriv", "--pdeathsig", "KILL"]
    server = ["qemu-nbd", "--persistent", "--shared", "16", "--format", "raw", "--read-only"]
    server += ["--bind", "127.0.0.1", "--port", str(_PORT), str(image)]
    relay = ["nbdkit", "--foreground", "--unix", str(place), "nbd", f"uri=nbd://127.0.0.1:{_PORT}", "retry=20"]
    with running([*inside, *server], lambda: True), running([*inside, *relay], lambda: greets(place, b"NBDMAGIC")):
        yield


def _run(*argv: str) -> None:
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

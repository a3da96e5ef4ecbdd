"""Measures Drover beside its peers, each pair in the same run and in turns."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.contest import Contest
from bench.disks import KINDS, MIB, make, workspace
from bench.figures import Figure, best_of, figure
from bench.link import limited
from bench.servers import Sshd, openssh_forwards, served, sshd
from drover.blocks.endpoint import Endpoint
from drover.blocks.readback import read_manifest
from drover.blocks.throttle import Throttle
from drover.hypervisors.connection import ConnectionSpec

Say = Callable[[str], None]

_LOCAL_ROUNDS, _SSH_ROUNDS = 3, 2
_LINK_BITS = 400_000_000
_LINK_SIZE = 512 * MIB
_OWN_LIMIT = 100 * MIB


def run(size: int, kinds: tuple[str, ...] = KINDS, say: Say = lambda _text: None) -> list[Figure]:
    """All figures. :param size: of each disk, bytes. :param say: told what is being measured."""
    figures = list(_startup(say))
    with workspace(2 * size) as folder:
        (folder / "source.raw").touch()
        (folder / "target.raw").touch()
        for kind in kinds:
            say(f"making a {kind} disk")
            make(kind, folder / "source.raw", size)
            os.truncate(folder / "target.raw", size)
            figures += _of_disk(kind, folder, say)
        figures += _links(folder, say)
    return figures


def _startup(say: Say) -> Iterator[Figure]:
    say("start-up")
    command = [sys.executable, "-m", "drover", "verify", "--help"]
    (seconds,) = best_of(3, lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))
    yield figure("start-up of the command", seconds, "one second", 1.0, aim=1.0)


def _of_disk(kind: str, folder: Path, say: Say) -> Iterator[Figure]:
    a, b = folder / "a.sock", folder / "b.sock"
    with (
        served(folder / "source.raw", a, read_only=True) as source,
        served(folder / "target.raw", b, read_only=False) as target,
    ):
        say(f"{kind}, between local sockets")
        contest = Contest(source, target, folder / "target.raw", folder)
        contest.whole()  # the first one imports Great Expectations; see README.md
        yield from _compared(f"{kind} disk, local sockets", contest, contest, _LOCAL_ROUNDS, aims=(1.0, None))
        with sshd(folder / f"sshd-{kind}") as server:
            say(f"{kind}, through SSH")
            with _ours(server, folder, a, b) as ours, _theirs(server, folder, a, b) as theirs:
                yield from _compared(f"{kind} disk, through SSH", ours, theirs, _SSH_ROUNDS, aims=(None, 0.8))


def _compared(
    name: str, ours: Contest, theirs: Contest, rounds: int, aims: tuple[float | None, float | None]
) -> Iterator[Figure]:
    copy, whole, nbdcopy, qemu = best_of(rounds, ours.copy, ours.whole, theirs.nbdcopy, theirs.convert_and_compare)
    yield figure(f"copy with digests, {name}", copy, "nbdcopy", nbdcopy, aim=aims[0])
    label = "qemu-img convert, then qemu-img compare"
    yield figure(f"copy, read-back and Great Expectations, {name}", whole, label, qemu, aim=aims[1])


@contextmanager
def _theirs(server: Sshd, folder: Path, a: Path, b: Path) -> Iterator[Contest]:
    """The peers' way: OpenSSH's client, one for each end, as the two hosts of a migration would have."""
    here_a, here_b = folder / "openssh-a.sock", folder / "openssh-b.sock"
    with openssh_forwards(server, {here_a: a}), openssh_forwards(server, {here_b: b}):
        yield _contest(here_a, here_b, folder)


@contextmanager
def _ours(server: Sshd, folder: Path, a: Path, b: Path) -> Iterator[Contest]:
    """Drover's own way, with all that it does for a libvirt host: one SSH connection for each end."""
    from drover.hypervisors.libvirt.forward import Forwards
    from drover.hypervisors.libvirt.ssh import Ssh

    files = {"private_key_file": str(server.key), "known_hosts_file": str(server.known_hosts)}
    spec = ConnectionSpec("bench", "libvirt", "127.0.0.1", server.login, port=server.port, extra=files)
    with ExitStack() as stack:
        places = []
        for remote in (a, b):
            forwards = Forwards(stack.enter_context(Ssh(spec)))
            stack.callback(forwards.close)
            places.append(forwards.add(str(remote)))
        yield _contest(places[0], places[1], folder)


def _contest(source: Path, target: Path, folder: Path) -> Contest:
    first, second = (f"nbd+unix:///?socket={place}" for place in (source, target))
    return Contest(first, second, folder / "target.raw", folder)


def _links(folder: Path, say: Say) -> Iterator[Figure]:
    """How much of a limited rate is used: the link's own limit, and Drover's."""
    make("random", folder / "source.raw", _LINK_SIZE)
    if os.geteuid() == 0:
        say("a link of limited rate")
        with limited(folder / "source.raw", folder / "link.sock", _LINK_BITS) as uri:
            (seconds,) = best_of(1, lambda: _read(uri, Throttle()))
        yield _used("rate of a link limited by tbf, used", seconds, _LINK_BITS // 8)
    say("a bandwidth limit of our own")
    with served(folder / "source.raw", folder / "a.sock", read_only=True) as uri:
        (seconds,) = best_of(1, lambda: _read(uri, Throttle(_OWN_LIMIT)))
    yield _used("bandwidth limit of Drover, used", seconds, _OWN_LIMIT)


def _read(uri: str, throttle: Throttle) -> None:
    read_manifest(Endpoint(uri, "source"), throttle=throttle, progress=lambda _progress: None)


def _used(name: str, seconds: float, limit: int) -> Figure:
    """0.95 of the limit used is a ratio of 1 / 0.95."""
    rate = _LINK_SIZE / seconds
    return Figure(
        name, round(rate / MIB, 1), "MiB/s", "the limit", round(limit / MIB, 1), round(limit / rate, 3), 1.053
    )

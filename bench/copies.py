"""Copies of whole disks beside nbdcopy's and qemu-img's, between local sockets and through SSH."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.contest import Contest
from bench.disks import make, workspace
from bench.figures import Figure, Order, best_of, figure
from bench.servers import Sshd, openssh_forwards, served, sshd
from drover.hypervisors.connection import ConnectionSpec

_LOCAL_ROUNDS, _SSH_ROUNDS = 5, 2


def figures(order: Order) -> Iterator[Figure]:
    with workspace(2 * order.size) as folder:
        (folder / "source.raw").touch()
        (folder / "target.raw").touch()
        for kind in order.kinds:
            order.say(f"making a {kind} disk")
            make(kind, folder / "source.raw", order.size)
            os.truncate(folder / "target.raw", order.size)
            yield from _of_disk(kind, folder, order)


def _of_disk(kind: str, folder: Path, order: Order) -> Iterator[Figure]:
    a, b = folder / "a.sock", folder / "b.sock"
    with (
        served(folder / "source.raw", a, read_only=True) as source,
        served(folder / "target.raw", b, read_only=False) as target,
    ):
        order.say(f"{kind}, between local sockets")
        contest = Contest(source, target, folder / "target.raw", folder)
        contest.whole()  # the first one imports Great Expectations; see README.md
        yield from _compared(f"{kind} disk, local sockets", contest, contest, _LOCAL_ROUNDS, aims=(1.0, None))
        with sshd(folder / f"sshd-{kind}") as server:
            order.say(f"{kind}, through SSH ({_SSH_ROUNDS} rounds; qemu-img alone takes a minute for 2 GiB)")
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

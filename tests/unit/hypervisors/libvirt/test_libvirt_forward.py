"""Forwarded sockets against a real sshd: nothing lost, nobody held up, no answer delayed."""

import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from bench.servers import sshd
from paramiko.common import cMSG_CHANNEL_WINDOW_ADJUST
from paramiko.message import Message

from drover.hypervisors.connection import ConnectionSpec
from drover.hypervisors.libvirt.forward import Forwards
from drover.hypervisors.libvirt.ssh import Ssh

MIB = 1 << 20
SENT = random.Random(3).randbytes(24 * MIB)


@pytest.fixture
def ssh(tmp_path: Path) -> Iterator[Ssh]:
    with sshd(tmp_path / "sshd") as server:
        files = {"private_key_file": str(server.key), "known_hosts_file": str(server.known_hosts)}
        spec = ConnectionSpec("test", "libvirt", "127.0.0.1", server.login, port=server.port, extra=files)
        with Ssh(spec) as ssh:
            yield ssh


@pytest.fixture
def forwards(ssh: Ssh) -> Iterator[Forwards]:
    forwards = Forwards(ssh)
    yield forwards
    forwards.close()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Callable[[Callable[[socket.socket], None]], str]]:
    """A unix socket on the host each of whose connections `work` answers."""
    listeners: list[socket.socket] = []

    def serve(work: Callable[[socket.socket], None]) -> str:
        place = str(tmp_path / f"{len(listeners)}.sock")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(place)
        listener.listen()
        listeners.append(listener)
        threading.Thread(target=accept, args=(listener, work), daemon=True).start()
        return place

    def accept(listener: socket.socket, work: Callable[[socket.socket], None]) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(client, work), daemon=True).start()

    def answer(client: socket.socket, work: Callable[[socket.socket], None]) -> None:
        with client, suppress(OSError):
            work(client)

    yield serve
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def echo(client: socket.socket) -> None:
    while data := client.recv(MIB):
        client.sendall(data)


def send(client: socket.socket) -> None:
    """A greeting, so that the stream is under way, and all of it once the client asks."""
    client.sendall(b"hello")
    while client.recv(1) == b"?":
        client.sendall(SENT)


def opened(local: Path) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(30)
    client.connect(str(local))
    return client


def begin(client: socket.socket) -> None:
    assert received(client, 5) == b"hello"
    client.sendall(b"?")


def received(client: socket.socket, length: int) -> bytes:
    data = bytearray()
    while len(data) < length and (piece := client.recv(min(MIB, length - len(data)))):
        data += piece
    return bytes(data)


def test_slow_client_loses_nothing_and_holds_nobody_up(forwards: Forwards, served: Callable[..., str]) -> None:
    with opened(forwards.add(served(send))) as slow, opened(forwards.add(served(echo))) as quick:
        begin(slow)
        assert slow.recv(1, socket.MSG_PEEK) == SENT[:1]  # It is on its way, and now nobody takes it.
        for number in range(20):
            quick.sendall(bytes([number]) * 1000)
            assert received(quick, 1000) == bytes([number]) * 1000
        taken = bytearray()
        while len(taken) < len(SENT):
            taken += slow.recv(random.Random(len(taken)).randrange(1, 400_000))
        assert bytes(taken) == SENT


def test_client_that_goes_away_takes_nobody_along(forwards: Forwards, served: Callable[..., str]) -> None:
    local = forwards.add(served(send))
    with opened(local) as leaving:
        begin(leaving)
        received(leaving, MIB)
    with opened(local) as staying:
        begin(staying)
        assert received(staying, len(SENT)) == SENT


def test_new_keys_in_the_middle_lose_nothing(
    ssh: Ssh, forwards: Forwards, served: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh.transport.packetizer, "REKEY_BYTES", MIB)
    exchanges: list[float] = []
    activate = ssh.transport._activate_outbound

    def noted() -> None:
        exchanges.append(time.monotonic())
        activate()

    monkeypatch.setattr(ssh.transport, "_activate_outbound", noted)
    with opened(forwards.add(served(echo))) as client:
        sender = threading.Thread(target=lambda: client.sendall(SENT))
        sender.start()
        assert received(client, len(SENT)) == SENT
        sender.join()
    assert len(exchanges) > 5


def test_nothing_is_acknowledged_while_keys_are_exchanged(
    ssh: Ssh, forwards: Forwards, served: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    transport = ssh.transport
    wrong: list[bytes] = []
    send_message = transport._send_message

    def watched(message: Message) -> None:
        if message.asbytes()[:1] == cMSG_CHANNEL_WINDOW_ADJUST and not transport.clear_to_send.is_set():
            wrong.append(message.asbytes())
        send_message(message)

    monkeypatch.setattr(transport, "_send_message", watched)
    with opened(forwards.add(served(send))) as client:
        begin(client)
        received(client, MIB)
        transport.clear_to_send.clear()  # As at the beginning of an exchange.
        threading.Timer(1, transport.clear_to_send.set).start()
        assert received(client, len(SENT) - MIB) == SENT[MIB:]
    assert not wrong


def test_answers_are_not_delayed(forwards: Forwards, served: Callable[..., str]) -> None:
    length = 512 << 10

    def answer(client: socket.socket) -> None:
        while client.recv(1):
            client.sendall(SENT[:length])

    with opened(forwards.add(served(answer))) as client:
        times = []
        for _ in range(100):  # Three times what may be sent without an acknowledgement.
            started = time.monotonic()
            client.sendall(b"?")
            assert len(received(client, length)) == length
            times.append(time.monotonic() - started)
    # A server that waits for the kernel's acknowledgement waits 40 ms each time. A busy machine does now and then.
    assert sorted(times)[30] < 0.035

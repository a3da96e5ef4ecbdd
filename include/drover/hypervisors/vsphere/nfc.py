"""Leases: how a vCenter gives out a machine's disks as stream-optimised VMDK, and how it takes them.

A lease ends by itself when nobody speaks to it for some minutes, so a thread tells it how far the transfer is.
"""

import hashlib
import logging
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPSConnection
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from drover.errors import CorruptionError, DroverError, OperatorNeededError, RetryableError
from drover.hypervisors.vsphere import nodes
from drover.hypervisors.vsphere.collector import retrieve
from drover.hypervisors.vsphere.errors import from_fault
from drover.hypervisors.vsphere.session import Session
from drover.model import Progress

log = logging.getLogger(__name__)
Tell = Callable[[Progress], None]

_KIND = "HttpNfcLease"
_READY = 600.0
_POLL = 0.5
_ALIVE = 20.0
_PIECE = 1 << 20
_TRIES = 4
_VMDK = "application/x-vnd.vmware-streamVmdk"
# `/vm-42/VirtualLsiLogicController0:1`: the kind of controller, its number, the unit.
_KEY = re.compile(r"([A-Za-z]+)(\d+):(\d+)$")
_BUSES = (("AHCI", "sata"), ("SATA", "sata"), ("NVME", "nvme"), ("IDE", "ide"), ("SCSI", "scsi"), ("Logic", "scsi"))


@dataclass(frozen=True, slots=True)
class DeviceUrl:
    """A disk of a lease. :param key: the lease's own. :param disk: as the inventory names it, `scsi0:0`."""

    key: str
    disk: str
    url: str
    thumbprint: str | None


class Lease:
    """One that is ready. :attr percent: how far its transfers are; told to the server now and then."""

    def __init__(self, session: Session, reference: Any, what: str, disks: Sequence[str]) -> None:
        self._session, self.reference, self._what = session, reference, what
        self.percent = 0
        with session.errors():
            info = reference.info
        self.disks = _devices(info.deviceUrl or (), disks)

    def download(self, disk: str, target: Path, tell: Tell, size: int) -> str:
        """Writes the disk's VMDK there; returns the SHA-1 of what came. A line that breaks is tried again.

        :param size: of the disk; what comes is packed, so progress is told by what is left of it at worst.
        """
        for number in range(1, _TRIES + 1):
            try:
                return self._download(self._one(disk), target, Progress(f"{self._what}, disk {disk}", 0, size), tell)
            except RetryableError as error:
                self._require_alive()
                if number == _TRIES:
                    raise
                log.warning("%s Trying again (%d of %d).", error.message, number, _TRIES - 1)
                time.sleep(number)
        raise AssertionError

    def _one(self, disk: str) -> DeviceUrl:
        if disk not in self.disks:
            raise OperatorNeededError(
                f"{self._session.name} does not give out disk {disk} in {self._what} (only {', '.join(self.disks)}).",
                remedy="See whether it is a raw device mapping or independent; copy what is on it by itself.",
            )
        return self.disks[disk]

    def _download(self, one: DeviceUrl, target: Path, begun: Progress, tell: Tell) -> str:
        digest, done = hashlib.sha1(usedforsecurity=False), 0
        with (
            self._line(one) as (line, path, same),
            open(target, "wb") as out,
            self._session.http().open("GET", path, connection=line, login=same) as answer,
        ):
            wanted = answer.headers.get("Content-Length")
            while piece := answer.read(_PIECE):
                digest.update(piece)
                out.write(piece)
                done += len(piece)
                self._at(done, begun, tell)
        if wanted is not None and int(wanted) != done:
            raise RetryableError(
                f"The connection to {line.host} broke after {done} of {wanted} bytes of {begun.label}.",
                remedy="Try again when it is stable.",
            )
        return digest.hexdigest()

    def _at(self, done: int, begun: Progress, tell: Tell) -> None:
        self.percent = min(99, done * 100 // max(1, begun.total))
        tell(Progress(begun.label, min(done, begun.total), begun.total))

    @contextmanager
    def _line(self, one: DeviceUrl) -> Iterator[tuple[HTTPSConnection, str, bool]]:
        """The connection, the path, and whether the login may go over it.

        `*` stands for the server that was asked. An ESXi host is held to the certificate that the server names, and
        knows the transfer by the ticket in the path: the vCenter's login is none of its business.
        """
        parts = urlsplit(one.url.replace("//*", f"//{self._session.name}", 1))
        http = self._session.http()
        starred = "//*" in one.url
        port = self._session.port if starred and parts.port is None else parts.port or 443
        same = starred or (parts.hostname, port) == (self._session.name, self._session.port)
        line = http.connection(parts.hostname, port, thumbprint=None if same else one.thumbprint)
        try:
            yield line, f"{parts.path}{'?' + parts.query if parts.query else ''}", same
        finally:
            line.close()

    def manifest(self) -> Mapping[str, str] | None:
        """SHA-1 of each file by the disk's name, as the server sent them; None where it keeps none."""
        from pyVmomi import vmodl

        with self._session.errors():
            try:
                entries = self.reference.HttpNfcLeaseGetManifest()
            except (vmodl.fault.NotSupported, vmodl.fault.MethodNotFound):
                return None
        names = {one.key: one.disk for one in self.disks.values()}
        found = {names[entry.key]: entry.sha1.lower() for entry in entries or () if entry.key in names and entry.sha1}
        return found or None

    def upload(self, disk: str, source: Path, tell: Tell) -> None:
        """:raises OperatorNeededError: the server refuses; of a full datastore, it says so."""
        one, size = self._one(disk), source.stat().st_size
        begun = Progress(f"{self._what}, disk {disk}", 0, size)
        self._session.renew()  # What is sent while the login runs out cannot be sent twice.
        try:
            with self._line(one) as (line, path, same), open(source, "rb") as file:
                body = _Told(file, lambda done: self._at(done, begun, tell))
                headers = {"Content-Type": _VMDK, "Content-Length": str(size), "Overwrite": "t"}
                http = self._session.http()
                with http.open("POST", path, headers=headers, body=body, connection=line, login=same) as answer:
                    answer.read()
        except DroverError:
            self._require_alive()  # The lease knows better why the line was closed.
            raise

    def _require_alive(self) -> None:
        state, fault = _state(self._session, self.reference)
        if state == "error":
            raise from_fault(self._session.name, fault, self._what)


class _Told:
    """A file that tells how far it was read."""

    def __init__(self, file: IO[bytes], tell: Callable[[int], None]) -> None:
        self._file, self._tell, self._done = file, tell, 0

    def read(self, count: int) -> bytes:
        piece = self._file.read(max(count, _PIECE))
        self._done += len(piece)
        self._tell(self._done)
        return piece


@contextmanager
def lease(session: Session, begin: Callable[[], Any], what: str, disks: Sequence[str]) -> Iterator[Lease]:
    """Begins a lease, waits until it is ready, and keeps it alive; completes it in the end, or aborts it on an error.

    :param begin: the call that gives it: `ExportVm`, `ExportSnapshot`, `ImportVApp`.
    :param disks: names of the machine's disks, in its order.
    """
    with session.errors():
        reference = begin()
    ended = threading.Event()
    try:
        _wait_ready(session, reference, what)
        made = Lease(session, reference, what, disks)
        threading.Thread(target=_stay, args=(made, ended), name=f"lease {what}", daemon=True).start()
        yield made
    except BaseException:
        ended.set()
        with suppress(Exception):  # It may be gone already, and the error that led here is the one that counts.
            reference.HttpNfcLeaseAbort()
        raise
    ended.set()
    with session.errors():
        reference.HttpNfcLeaseProgress(100)
        reference.HttpNfcLeaseComplete()


def _stay(made: Lease, ended: threading.Event) -> None:
    while not ended.wait(_ALIVE):
        with suppress(Exception):  # The transfer itself finds out that the lease is gone, and says so.
            made.reference.HttpNfcLeaseProgress(made.percent)


def _wait_ready(session: Session, reference: Any, what: str) -> None:
    until = time.monotonic() + _READY
    while True:
        state, fault = _state(session, reference)
        if state == "ready":
            return
        if state == "error":
            raise from_fault(session.name, fault, what)
        if time.monotonic() > until:
            raise RetryableError(
                f"{session.name}, {what}: the server does not begin.", remedy="See in the vSphere client what it does."
            )
        time.sleep(_POLL)


def _state(session: Session, reference: Any) -> tuple[str, Any]:
    """The lease's state, and its fault where it has one."""
    for found in retrieve(session, {_KIND: ["state"]}, [(_KIND, reference._moId)]):
        state = nodes.text(found.node("state")) or ""
        if state == "error":
            with session.errors():
                error = reference.error
            return state, error
        return state, None
    raise RetryableError(f"{session.name} has ended the transfer's lease.", remedy="Try again.")


def _devices(urls: Sequence[Any], names: Sequence[str]) -> dict[str, DeviceUrl]:
    """By name, what is a disk: not a CD-ROM, not the UEFI variables.

    A vCenter names each by its controller and unit; where none is named so, they come in the machine's order.
    """
    disks = [url for url in urls if url.disk is not False]
    found = [_name(url.importKey or "") or _name(url.key or "") for url in disks]
    if not any(found) and len(disks) == len(names):
        found = list(names)
    return {
        name: DeviceUrl(url.key or "", name, url.url, url.sslThumbprint or None)
        for name, url in zip(found, disks, strict=True)
        if name is not None
    }


def _name(key: str) -> str | None:
    match = _KEY.search(key)
    bus = next((bus for word, bus in _BUSES if match and word.lower() in match[1].lower()), None)
    return f"{bus}{int(match[2])}:{int(match[3])}" if match and bus else None


def require_digest(label: str, expected: Mapping[str, str], disk: str, found: str) -> None:
    """:param expected: the lease's digests. :raises CorruptionError: what came is not what the server sent."""
    sent = expected.get(disk, "one that it does not tell")
    if sent != found:
        raise CorruptionError(
            f"{label} arrived with the SHA-1 {found}, but the server sent {sent}.",
            remedy="Find out what changes bytes on the way (a proxy?), then try again.",
        )

"""What a vCenter or an ESXi host answers to calls that only read, recorded as it goes over the line."""

import io
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPResponse, HTTPSConnection
from typing import Any

from drover.errors import DroverError
from drover.hypervisors.connection import ConnectionSpec
from drover.hypervisors.vsphere import inventory, networks, site
from drover.hypervisors.vsphere.session import Session
from drover.recordings import soap
from drover.recordings.scrub import require_clean
from drover.recordings.soap import WORDS, SoapScrubber
from drover.recordings.tape import Call

# Everything that a wave wants to know of a vCenter. Nothing else is ever asked by a recording.
READS: tuple[Callable[[Session], object], ...] = (
    site.host,
    site.hosts,
    site.pools,
    networks.networks,
    inventory.machines,
)
# They hold the password, and the answer holds a session that is as good as it.
_LOGIN = frozenset({"SessionManager"})
_VIEW = "CreateContainerView"


@dataclass(frozen=True, slots=True)
class _Heard:
    """One request and its answer, as they went over the line: bodies of SOAP."""

    request: ET.Element
    status: int
    answer: ET.Element


def record(spec: ConnectionSpec) -> Iterator[Call]:
    """Asks the server, and gives what it said without what tells whose it is.

    Of a request that was made more than once, the last answer is kept: pages belong together.

    :raises OperatorNeededError: what is left would still tell.
    """
    heard: list[_Heard] = []
    with _Listening(spec, heard) as session:
        for read in READS:
            before = len(heard)
            try:
                read(session)
            except DroverError:
                # What it says where it refuses is a part of the recording; a line that broke is not.
                if not any(one.status != 200 for one in heard[before:]):
                    raise
    yield from _calls(spec, heard)


def _calls(spec: ConnectionSpec, heard: list[_Heard]) -> Iterator[Call]:
    scrubber, views = SoapScrubber(), dict[Any, str]()
    kept: dict[Any, Call] = {}
    for one in heard:
        request = scrubber.body(one.request)
        asked = soap.shape(request)
        if soap.name(one.request) == _VIEW:
            # A view has another id each time, though it shows the same.
            view = views.setdefault(asked, f"view-{len(views) + 1}")
            scrubber.known |= {text: view for text in one.answer.itertext()}
        answer = scrubber.body(one.answer)
        told = "\n".join((*soap.said(request), *soap.said(answer)))
        require_clean(told, _secrets(spec), WORDS)
        kept.pop(asked, None)
        kept[asked] = Call(
            soap.name(one.request),
            {"request": soap.lines(request)},
            {"status": one.status, "body": soap.lines(answer)},
        )
    yield from kept.values()


def _secrets(spec: ConnectionSpec) -> Iterator[str | None]:
    login = spec.login or ""
    yield from (spec.password, spec.login, spec.host)
    yield from (login.rpartition("\\")[2], login.partition("@")[0], login.partition("@")[2])


class _Listening(Session):
    """A session that keeps what goes over its lines, but for logins."""

    def __init__(self, spec: ConnectionSpec, heard: list[_Heard]) -> None:
        self._heard = heard
        super().__init__(spec)

    def __enter__(self) -> "_Listening":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open_stub(self, version: str) -> Any:
        stub = super()._open_stub(version)
        connect = stub.scheme
        stub.scheme = lambda *args, **more: _Line(connect(*args, **more), self._heard)
        return stub


class _Line:
    """A connection to the server, as pyvmomi and `Session` use one."""

    def __init__(self, connection: HTTPSConnection, heard: list[_Heard]) -> None:
        self._connection, self._heard = connection, heard
        self._asked: ET.Element | None = None

    def request(self, method: str, path: str, body: bytes | str, headers: dict[str, str]) -> None:
        self._asked = soap.content(body)
        plain = {name: value for name, value in headers.items() if name != "Accept-Encoding"}
        self._connection.request(method, path, body, plain)

    def getresponse(self) -> HTTPResponse:
        answer, asked = self._connection.getresponse(), self._asked
        body = answer.read()
        # What is no SOAP is told by whoever asked.
        if asked is not None and answer.status in (200, 500) and asked[0].get("type") not in _LOGIN:
            with suppress(ValueError):
                self._heard.append(_Heard(asked, answer.status, soap.content(body)))
        # Whoever asked reads it as if nobody had.
        answer.read = io.BytesIO(body).read  # type: ignore[method-assign, assignment]
        return answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

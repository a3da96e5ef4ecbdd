"""A server that gives the answers of a recorded vCenter, to pyvmomi as it is and so to all of Drover that reads."""

import datetime
import ssl
import tempfile
import threading
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from drover.hypervisors.connection import ConnectionSpec
from drover.recordings import soap
from drover.recordings.tape import read

_HOST = "127.0.0.1"
_USER = (
    "<returnval><key>replayed</key><userName>nobody</userName><fullName>nobody</fullName>"
    "<loginTime>2000-01-01T00:00:00Z</loginTime><lastActiveTime>2000-01-01T00:00:00Z</lastActiveTime>"
    "<locale>en</locale><messageLocale>en</messageLocale></returnval>"
)
# A recording holds no logins; whoever comes is let in.
_SESSION = {"Login": _USER, "Logout": "", "Fetch": _USER}


@contextmanager
def replayed(folder: Path) -> Iterator[ConnectionSpec]:
    """A vCenter that is nothing but the recording; the connection leads to it.

    :raises BadInputError: there is no recording.
    """
    answers = Answers(folder)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if not self.path.startswith("/sdk"):  # Only SOAP is recorded.
                self.send_error(404)
                return
            status, text = answers.to(asked)
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/xml; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer((_HOST, 0), Handler)
    server.daemon_threads = True
    context, thumbprint = _identity()
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        port = int(server.server_address[1])
        yield ConnectionSpec("recorded", "vsphere", _HOST, "nobody", "nothing", port, {"thumbprint": thumbprint})
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Answers:
    """What the vCenter said, by what it was asked."""

    def __init__(self, folder: Path) -> None:
        self._said: dict[Any, tuple[int, str]] = {}
        # Of each object, what is known of it; of each kind, what it was asked for.
        self._objects: dict[str, ET.Element] = {}
        self._asked: dict[str, set[str]] = {}
        for call in read(folder):
            asked = soap.unspaced(soap.content(soap.envelope("\n".join(call.parameters["request"]))))
            text = soap.envelope("\n".join(call.answer["body"]))
            self._said[soap.shape(asked)] = int(call.answer["status"]), text
            self._learn(asked, soap.unspaced(soap.content(text)))

    def to(self, request: bytes) -> tuple[int, str]:
        """Status and SOAP."""
        asked = soap.unspaced(soap.content(request))
        method = soap.name(asked)
        if method in _SESSION and asked[0].get("type") == "SessionManager":
            return 200, _answer(method, _SESSION[method])
        found = self._said.get(soap.shape(asked)) or self._of_objects(asked)
        return found or (500, _refusal(f"The recording has no answer to '{method}'."))

    def _learn(self, asked: ET.Element, answer: ET.Element) -> None:
        for kind, paths in _wanted(asked).items():
            self._asked.setdefault(kind, set()).update(paths)
        for one in answer.iterfind("returnval/objects"):
            known = self._objects.setdefault(one.findtext("obj") or "", ET.Element("objects"))
            if not len(known):
                known.extend(one.findall("obj"))
            known.extend(one.findall("propSet") + one.findall("missingSet"))

    def _of_objects(self, asked: ET.Element) -> tuple[int, str] | None:
        """Some objects, or fewer properties of all of them: whatever was asked of a kind is known of each."""
        wanted = _wanted(asked)
        if not wanted or any(not paths <= self._asked.get(kind, set()) for kind, paths in wanted.items()):
            return None
        named = [one.findtext("obj") or "" for one in asked.iterfind("specSet/objectSet")]
        if asked.find("specSet/objectSet/selectSet") is not None:
            named = [one for one, known in self._objects.items() if _kind(known) in wanted]
        found = ET.Element("returnval")
        found.extend(_part(self._objects[one], wanted) for one in named if one in self._objects)
        return 200, _answer(soap.name(asked), ET.tostring(found, encoding="unicode"))


def _wanted(asked: ET.Element) -> dict[str, set[str]]:
    """The properties that a request names, by the kind of object."""
    return {
        one.findtext("type") or "": {path.text or "" for path in one.iterfind("pathSet")}
        for one in asked.iterfind("specSet/propSet")
    }


def _kind(known: ET.Element) -> str:
    reference = known.find("obj")
    return (reference.get("type") if reference is not None else None) or ""


def _part(known: ET.Element, wanted: dict[str, set[str]]) -> ET.Element:
    """Of one object, the properties that are wanted; each once."""
    made, paths = ET.Element("objects"), set(wanted.get(_kind(known), ()))
    for one in known:
        path = one.findtext("name") or one.findtext("path")
        if path is None or path in paths:
            made.append(one)
            paths.discard(path or "")
    return made


def _answer(method: str, inside: str) -> str:
    return soap.envelope(f'<{method}Response xmlns="urn:vim25">{inside}</{method}Response>')


def _refusal(sentence: str) -> str:
    return soap.envelope(
        f"<soapenv:Fault><faultcode>ServerFaultCode</faultcode><faultstring>{escape(sentence)}</faultstring>"
        '<detail><NotSupportedFault xmlns="urn:vim25" xsi:type="NotSupported"/></detail></soapenv:Fault>'
    )


def _identity() -> tuple[ssl.SSLContext, str]:
    """A certificate that nobody else has, and its thumbprint."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a recording")])
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain) + certificate.public_bytes(pem))
        file.flush()
        context.load_cert_chain(file.name)
    return context, certificate.fingerprint(hashes.SHA256()).hex()

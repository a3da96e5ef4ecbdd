"""A datastore behind HTTPS, as far as reading its files goes: ranges, a login that may end, lines that may break."""

import datetime
import ipaddress
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from drover.hypervisors.connection import ConnectionSpec
from drover.hypervisors.vsphere.http import Http
from drover.hypervisors.vsphere.tls import trust_of


def certificate(folder: Path, name: str = "127.0.0.1") -> tuple[Path, Path]:
    """A certificate that signs itself, and its key."""
    key = rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "vcenter")])
    now = datetime.datetime.now(datetime.UTC)
    alternative: Any = x509.IPAddress(ipaddress.ip_address(name)) if name[0].isdigit() else x509.DNSName(name)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "server.pem", folder / "server.key"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
    )
    return paths


class Datastore:
    """:attr cookie: the login that is good now. :attr breaks: so many more answers end in the middle.

    :attr ranges: False: every answer is the whole file.
    """

    def __init__(self, folder: Path, files: dict[str, bytes], name: str = "127.0.0.1") -> None:
        self.files = files
        self.cookie = "session=1"
        self.breaks = 0
        # So many more answers are 500.
        self.failures = 0
        self.ranges = True
        self.asked: list[tuple[str, str]] = []
        self.busy = self.most_busy = 0
        # Seconds that a request waits for a second one beside it.
        self.patience = 0.0
        self.two = threading.Event()
        self.lock = threading.Lock()
        self.pem, key = certificate(folder, name)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.pem, key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def refuses(self, cookie: str | None, data: bytes | None) -> int:
        """The status of an answer without the file; 0 where it may be given out."""
        if cookie != self.cookie:
            return 401
        if self.failures:
            self.failures -= 1
            return 500
        return 404 if data is None else 0

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        store = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                """Quietly."""

            def do_GET(self) -> None:
                with store.lock:
                    store.busy += 1
                    store.most_busy = max(store.most_busy, store.busy)
                    store.asked.append((self.path, self.headers.get("Range", "")))
                    if store.busy > 1:
                        store.two.set()
                store.two.wait(store.patience)
                try:
                    self._answer()
                finally:
                    with store.lock:
                        store.busy -= 1

            def _answer(self) -> None:
                data = store.files.get(self.path.partition("?")[0])
                refusal = store.refuses(self.headers.get("Cookie"), data)
                if data is None or refusal:
                    self.send_error(refusal)
                else:
                    self._send(data)

            def _send(self, data: bytes) -> None:
                start, end = 0, len(data)
                if store.ranges:
                    first, _, last = self.headers["Range"].removeprefix("bytes=").partition("-")
                    start, end = int(first), min(int(last) + 1, len(data))
                    self.send_response(206)
                    self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(data)}")
                else:
                    self.send_response(200)
                self.send_header("Content-Length", str(end - start))
                self.end_headers()
                with store.lock:
                    broken, store.breaks = store.breaks > 0, max(0, store.breaks - 1)
                if broken:
                    self.wfile.write(data[start : (start + end) // 2])
                    self.close_connection = True
                    return
                self.wfile.write(data[start:end])

        return Handler


class Login:
    """What a session is to those who only want files. :attr renewed: how often a new login was asked for."""

    def __init__(self, store: Datastore, **extra: object) -> None:
        self.store = store
        self.spec = ConnectionSpec("test", "vsphere", "127.0.0.1", "u", "a secret", store.port, extra)
        self.name, self.port = "127.0.0.1", store.port
        self.renewed = 0
        self._cookie = store.cookie

    def http(self) -> Http:
        return Http(self.name, self.port, trust_of(self.spec), lambda: self._cookie, self.renew)

    def renew(self) -> None:
        self.renewed += 1
        self._cookie = self.store.cookie

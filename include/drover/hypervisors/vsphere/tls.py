"""Who may be the server: a certificate signed by a CA that is trusted, or the very one that is pinned.

pyvmomi turns verification off for localhost where it gets no context, and after one mismatch with a pinned
certificate for every later connection; so each connection here, pyvmomi's too, is opened by `Trust.connection`.
"""

import hashlib
import socket
import ssl
from dataclasses import dataclass, replace
from http.client import HTTPSConnection

from drover.errors import BadInputError, OperatorNeededError
from drover.hypervisors.connection import ConnectionSpec

_SIZES = {40: "sha1", 64: "sha256"}
_WORDS = {"sha1": "SHA-1", "sha256": "SHA-256"}
_CONNECT_SECONDS = 15.0
# OpenSSL's numbers of what it found wrong.
_EXPIRED, _NOT_YET, _NAMES = (10,), (9,), (62, 64)


@dataclass(frozen=True)
class Trust:
    """How a server's certificate is judged.

    :param thumbprint: lower-case hex of SHA-1 or SHA-256; None where the CAs of `context` decide.
    :param verified: False where a person turned verification off.
    """

    context: ssl.SSLContext
    thumbprint: str | None = None
    verified: bool = True

    def pinned(self, thumbprint: str) -> "Trust":
        """The same for another server whose certificate somebody trusted has named (vCenter names its hosts')."""
        if not self.verified:
            return self
        return replace(self, context=_open_context(), thumbprint=parse_thumbprint(thumbprint, "the server's answer"))

    def connection(self, host: str, port: int, timeout: float) -> HTTPSConnection:
        """Not yet connected; `connect` raises OperatorNeededError where the certificate is not the right one."""
        return _JudgedConnection(self, host, port, timeout)


class _JudgedConnection(HTTPSConnection):
    def __init__(self, trust: Trust, host: str, port: int, timeout: float) -> None:
        super().__init__(host, port, timeout=timeout, context=trust.context)
        self._trust = trust

    def connect(self) -> None:
        patience, self.timeout = self.timeout, min(self.timeout or _CONNECT_SECONDS, _CONNECT_SECONDS)
        try:
            super().connect()
        except ssl.SSLCertVerificationError as error:
            raise _refused(self.host, self.port, error) from error
        finally:
            self.timeout = patience
        self.sock.settimeout(patience)
        wanted = self._trust.thumbprint
        if wanted is None:
            return
        assert isinstance(self.sock, ssl.SSLSocket)
        certificate = self.sock.getpeercert(binary_form=True) or b""
        kind = _SIZES[len(wanted)]
        found = hashlib.new(kind, certificate, usedforsecurity=False).hexdigest()
        if found != wanted:
            self.close()
            raise OperatorNeededError(
                f"The certificate of {self.host} has the {_WORDS[kind]} thumbprint {spelled(found)}, "
                f"but the connection expects {spelled(wanted)}.",
                remedy="Find out why; if the certificate was renewed on purpose, put the new thumbprint there.",
            )


def trust_of(spec: ConnectionSpec) -> Trust:
    """:raises BadInputError: the connection's fields cannot be right."""
    verify = {"true": True, "false": False}.get(str(spec.extra.get("verify_certificate", True)).lower())
    if verify is None:
        raise BadInputError(
            f"The field 'verify_certificate' of the connection '{spec.id}' is neither true nor false.",
            remedy="Set it to true.",
        )
    given = spec.extra.get("thumbprint")
    if not verify:
        return Trust(_open_context(), verified=False)
    if given:
        return Trust(_open_context(), parse_thumbprint(str(given), f"the connection '{spec.id}'"))
    path, text = spec.extra.get("ca_file"), spec.extra.get("ca")
    try:
        context = ssl.create_default_context(cafile=str(path) if path else None, cadata=str(text) if text else None)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        where = f"file {path}" if path else "text in its field 'ca'"
        raise BadInputError(
            f"The CA {where} of the connection '{spec.id}' cannot be read: {_reason(error)}.",
            remedy="Give the CA's certificate in PEM form, as the vCenter's start page offers it for download.",
        ) from None
    return Trust(context)


def parse_thumbprint(text: str, where: str) -> str:
    """SHA-1 or SHA-256 in hex, with or without colons. :raises BadInputError: it is neither."""
    value = "".join(text.split()).replace(":", "").replace("-", "").lower()
    if len(value) not in _SIZES or set(value) - set("0123456789abcdef"):
        raise BadInputError(
            f"The thumbprint of {where} is neither a SHA-256 (64 hex digits) nor a SHA-1 (40 hex digits).",
            remedy="Read it with: openssl s_client -connect HOST:443 </dev/null | openssl x509 -noout -sha256 "
            "-fingerprint",
        )
    return value


def spelled(digest: str) -> str:
    """`AA:BB:...`, as openssl and the vSphere client show it."""
    return ":".join(digest[at : at + 2] for at in range(0, len(digest), 2)).upper()


def peer_thumbprint(host: str, port: int, timeout: float = 10) -> str:
    """SHA-256 of the certificate that the server shows, whoever it is; nothing is sent to it.

    :raises OSError: it does not answer.
    """
    context = _open_context()
    with (
        socket.create_connection((host, port), timeout) as raw,
        context.wrap_socket(raw, server_hostname=host) as wrapped,
    ):
        return hashlib.sha256(wrapped.getpeercert(binary_form=True) or b"").hexdigest()


def _open_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _refused(host: str, port: int, error: ssl.SSLCertVerificationError) -> OperatorNeededError:
    code = error.verify_code
    if code in _EXPIRED:
        return OperatorNeededError(
            f"The certificate of {host} has expired.",
            remedy="Renew it on the server; to go on until then, pin it by its thumbprint in the connection.",
        )
    if code in _NOT_YET:
        return OperatorNeededError(
            f"The certificate of {host} is not valid yet.",
            remedy="Compare the clocks of the server and of this worker.",
        )
    if code in _NAMES:
        return OperatorNeededError(
            f"The certificate of {host} is made out to another name.",
            remedy="Use the name that stands in the certificate as the connection's host, or pin it by its thumbprint.",
        )
    try:
        shown = f" Its SHA-256 thumbprint is {spelled(peer_thumbprint(host, port))}."
    except OSError:
        shown = ""
    return OperatorNeededError(
        f"The certificate of {host} is signed by nobody whom this worker trusts ({_reason(error)}).{shown}",
        remedy="Give the connection the CA's certificate (ca_file), or compare the thumbprint with the server's "
        "console and pin it (thumbprint).",
    )


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    text = getattr(error, "strerror", None) or str(error)
    return " ".join(str(text).split()).rstrip(".")

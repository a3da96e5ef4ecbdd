"""Who is at the other end of one TCP connection. Logins belong to connections, as they do on Windows."""

import base64
import binascii
import hmac
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from drover_lab.hyperv.soap import NotModelledError

MUTUAL = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"
_SPNEGO_OID = bytes.fromhex("06062b0601050502")


@dataclass(frozen=True, slots=True)
class Users:
    """Who may log in. Passwords for NTLM stand in the file of NTLM_USER_FILE, keys for Kerberos in KRB5_KTNAME.

    :param passwords: for Basic. :param certificates: SHA-256 of a client certificate (hex) -> user.
    :param administrators: names without domain or realm; anybody else is denied access.
    """

    passwords: Mapping[str, str]
    certificates: Mapping[str, str]
    administrators: frozenset[str]

    def is_administrator(self, user: str) -> bool:
        plain = user.rpartition("\\")[2].partition("@")[0]
        return plain.lower() in {name.lower() for name in self.administrators}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one round of a login came to. :param header: for WWW-Authenticate. :param status: 200 means logged in."""

    status: int
    header: str | None = None


class Login:
    """The login of one connection: it goes on over several requests.

    :param certificate: the server's own, in DER, where the connection is TLS. :param peer: the client's, if it has one.
    """

    def __init__(self, users: Users, certificate: bytes | None, peer: bytes | None) -> None:
        self._users = users
        self._certificate = certificate
        self._peer = peer
        self._open = False
        self.context: Any = None
        self.protocol = ""
        self.user = ""

    @property
    def tls(self) -> bool:
        return self._certificate is not None

    @property
    def delegated(self) -> bool:
        import spnego

        if self.protocol == "credssp":
            return True
        return self.protocol == "kerberos" and bool(self.context.context_attr & spnego.ContextReq.delegate)

    @property
    def must_seal(self) -> bool:
        """A login that can seal must, where nothing else does."""
        return not self.tls and self.context is not None

    def offers(self) -> list[str]:
        """What is offered to somebody who is not logged in."""
        return ["Negotiate", "Kerberos", "CredSSP", *(['Basic realm="WSMAN"'] if self.tls else [])]

    def step(self, header: str | None) -> Outcome:
        """One request's Authorization header."""
        if header is None:
            return Outcome(200 if self.user else 401)
        if header == MUTUAL:
            return self._by_certificate()
        scheme, _, text = header.partition(" ")
        if scheme == "Basic":
            return self._basic(text)
        if scheme not in ("Negotiate", "Kerberos", "CredSSP"):
            raise NotModelledError(f"the login {scheme!r}")
        try:
            token = base64.b64decode(text, validate=True)
        except binascii.Error:
            return Outcome(401)
        return self._negotiate(scheme, token)

    def _negotiate(self, scheme: str, token: bytes) -> Outcome:
        from spnego.exceptions import SpnegoError

        if self.context is None or not self._open:
            self.context = self._server(scheme, token)
            self._open, self.user = True, ""
        try:
            out = self.context.step(token)
        except (SpnegoError, ValueError, AttributeError) as error:
            # pyspnego asks gssapi for the flags of a login that was refused in its first step.
            if isinstance(error, AttributeError) and "has not yet been started" not in str(error):
                raise
            self._open, self.context = False, None
            return Outcome(401)
        answer = f"{scheme} {base64.b64encode(out).decode()}" if out else None
        if not self.context.complete:
            return Outcome(401, answer or scheme)
        self._open = False
        self.user = str(self.context.client_principal)
        self.protocol = "credssp" if scheme == "CredSSP" else str(self.context.negotiated_protocol)
        return Outcome(200, answer)

    def _server(self, scheme: str, token: bytes) -> Any:
        """The acceptor for this first token. Over TLS it must be bound to this server's certificate."""
        import spnego
        from spnego.channel_bindings import GssChannelBindings

        if scheme == "CredSSP":
            return spnego.server(protocol="credssp", hostname="", service="")
        kind = "ntlm" if token.startswith(b"NTLMSSP\0") else "negotiate" if _SPNEGO_OID in token[:32] else "kerberos"
        bindings = None
        if self._certificate is not None:
            data = b"tls-server-end-point:" + sha256(self._certificate).digest()
            bindings = GssChannelBindings(application_data=data)
        return spnego.server(protocol=kind, service="HTTP", channel_bindings=bindings)

    def _basic(self, text: str) -> Outcome:
        if not self.tls:
            return Outcome(500)  # AllowUnencrypted is false
        try:
            sent = base64.b64decode(text, validate=True)
        except binascii.Error:
            return Outcome(401)
        user, _, password = _text(sent).partition(":")
        known = self._users.passwords.get(user.lower())
        if known is None or not hmac.compare_digest(known.encode(), password.encode()):
            return Outcome(401)
        self.user, self.protocol = user, "basic"
        return Outcome(200)

    def _by_certificate(self) -> Outcome:
        mapped = self._users.certificates.get(sha256(self._peer).hexdigest()) if self._peer else None
        if mapped is None:
            return Outcome(401)
        self.user, self.protocol = mapped, "certificate"
        return Outcome(200)


def _text(sent: bytes) -> str:
    """Nothing in Basic says in which encoding a password comes: requests sends Latin-1, others UTF-8."""
    try:
        return sent.decode()
    except UnicodeDecodeError:
        return sent.decode("latin-1")


def server_context(certificate: str, key: str, client_ca: str | None) -> ssl.SSLContext:
    """:param client_ca: who may issue certificates that clients log in with."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if client_ca:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_OPTIONAL
    return context

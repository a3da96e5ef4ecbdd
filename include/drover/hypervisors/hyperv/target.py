"""What a connection of kind `hyperv` says, checked before anybody is asked."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from drover.errors import BadInputError
from drover.hypervisors.connection import ConnectionSpec

Transport = Literal["ntlm", "kerberos", "credssp", "certificate", "basic"]
_TRANSPORTS: tuple[Transport, ...] = ("ntlm", "kerberos", "credssp", "certificate", "basic")
_SEALING = ("ntlm", "kerberos", "credssp")


@dataclass(frozen=True, slots=True)
class Target:
    """Where WinRM is and how to log in there. :param id: the connection's, for messages."""

    id: str
    host: str
    port: int
    scheme: Literal["http", "https"]
    transport: Transport
    verify_certificate: bool
    kerberos_host: str | None
    kdc: str | None
    delegation: bool

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}/wsman"


def read(spec: ConnectionSpec) -> Target:
    """:raises BadInputError: the connection cannot work like this."""
    scheme = str(spec.extra.get("scheme") or "https")
    transport = str(spec.extra.get("transport") or "ntlm")
    if scheme not in ("http", "https"):
        raise _wrong(spec, f"the scheme '{scheme}'", "Use https or http.")
    if transport not in _TRANSPORTS:
        raise _wrong(spec, f"the transport '{transport}'", f"Use one of {', '.join(_TRANSPORTS)}.")
    if scheme == "http" and transport not in _SEALING:
        raise _wrong(
            spec,
            f"the transport '{transport}' over http, which would send the login readable for everybody",
            "Use https, or one of the transports ntlm, kerberos and credssp.",
        )
    if not spec.host:
        raise _wrong(spec, "no host", "Name the Hyper-V host.")
    if transport != "certificate" and not (spec.login and spec.password):
        raise _wrong(spec, f"the transport '{transport}' without login or password", "Give it both.")
    if transport == "kerberos" and "@" not in (spec.login or ""):
        raise _wrong(spec, "a login for Kerberos without its realm", "Write the login as user@REALM.")
    if transport == "basic" and not _is_latin(spec):
        raise _wrong(spec, "a password that Basic cannot carry", "Use the transport ntlm.")
    return Target(
        id=spec.id,
        host=spec.host,
        port=spec.port or (5986 if scheme == "https" else 5985),
        scheme="https" if scheme == "https" else "http",
        transport=next(known for known in _TRANSPORTS if known == transport),
        verify_certificate=verifies_certificate(spec),
        kerberos_host=_text(spec, "kerberos_host"),
        kdc=_text(spec, "kdc"),
        delegation=str(spec.extra.get("delegation", False)).lower() == "true",
    )


def _is_latin(spec: ConnectionSpec) -> bool:
    try:
        f"{spec.login}{spec.password}".encode("latin-1")
    except UnicodeEncodeError:
        return False
    return True


def verifies_certificate(spec: ConnectionSpec) -> bool:
    """Whether the host's certificate is checked; only an explicit false in the connection turns it off."""
    return str(spec.extra.get("verify_certificate", True)).lower() != "false"


def trust(spec: ConnectionSpec, folder: Path) -> str:
    """The path of the CAs that the host's certificate is checked against: the connection's, or this system's.

    :param folder: private; the connection's PEM text is written there.
    """
    if spec.extra.get("ca"):
        path = folder / "ca.pem"
        path.write_text(str(spec.extra["ca"]), encoding="ascii")
        return str(path)
    if spec.extra.get("ca_file"):
        return existing(spec, "ca_file")
    known = ssl.get_default_verify_paths()
    found = known.cafile or known.capath
    if found is None:
        raise _wrong(
            spec, "no ca_file, and this system has no CAs of its own", "Name the CA of the host's certificate."
        )
    return found


def existing(spec: ConnectionSpec, name: str) -> str:
    """The path in this extra field. :raises BadInputError: there is no such file."""
    path = _text(spec, name)
    if path is None or not Path(path).is_file():
        raise _wrong(spec, f"a {name} that is not there: {path or 'none is given'}", "Correct the path.")
    return path


def _text(spec: ConnectionSpec, name: str) -> str | None:
    value = spec.extra.get(name)
    return str(value) if value else None


def _wrong(spec: ConnectionSpec, what: str, remedy: str) -> BadInputError:
    return BadInputError(f"The connection '{spec.id}' has {what}.", remedy=remedy)

"""A simulated Hyper-V host in a process of its own, with everything that logins need: CAs, certificates, a realm."""

import datetime
import ipaddress
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from drover.hypervisors.connection import ConnectionSpec
from drover_lab.hyperv import control
from drover_lab.hyperv.realm import Realm
from drover_lab.process import wait_until

NAME = "hv-a.lab.test"
PASSWORD = "Sésame-öffne 'dich'"
REALM = "LAB.TEST"
_KERBEROS_PASSWORD = "open sesame"


def kerberos_password() -> str:
    return _KERBEROS_PASSWORD


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key, on disk."""

    certificate: Path
    key: Path

    @property
    def fingerprint(self) -> str:
        loaded = x509.load_pem_x509_certificate(self.certificate.read_bytes())
        return sha256(loaded.public_bytes(serialization.Encoding.DER)).hexdigest()


def issue(folder: Path, name: str, issuer: Pair | None = None) -> Pair:
    """A certificate for this name and 127.0.0.1, signed by `issuer`; without one, a CA."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer, issued_by = key, subject
    if issuer:
        loaded = serialization.load_pem_private_key(issuer.key.read_bytes(), None)
        assert isinstance(loaded, ec.EllipticCurvePrivateKey)
        signer, issued_by = loaded, x509.load_pem_x509_certificate(issuer.certificate.read_bytes()).subject
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issued_by)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )
    if issuer:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    pair = Pair(folder / f"{name}.pem", folder / f"{name}.key")
    pair.certificate.write_bytes(builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    pair.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return pair


@dataclass(frozen=True, slots=True)
class World:
    """What all hosts of the tests share."""

    folder: Path
    authority: Pair
    server: Pair
    client: Pair
    realm: Realm

    @classmethod
    def make(cls, folder: Path) -> "World":
        authority = issue(folder, "authority")
        server, client = issue(folder, NAME, authority), issue(folder, "client", authority)
        realm = Realm.anywhere(REALM, folder / "realm")
        services = {f"HTTP/{NAME}": folder / "keytab", f"http/{NAME}": folder / "keytab"}
        realm.make({"administrator": _KERBEROS_PASSWORD, "guest": _KERBEROS_PASSWORD}, services)
        users = folder / "ntlm-users"
        users.write_text("".join(f"{domain}:{user}:{PASSWORD}\n" for domain in ("", "HV-A") for user in _USERS))
        return cls(folder, authority, server, client, realm)

    def host(self, name: str, environment: Mapping[str, str] | None = None, **settings: Any) -> "Peer":
        """A running host. :param environment: for its process alone."""
        path = self.folder / f"{name}.json"
        sock = self.folder / f"{name}.sock"
        values = {
            "name": name,
            "control": str(sock),
            "ports": [{"address": "127.0.0.1", "port": 0}, {"address": "127.0.0.1", "port": 0, "tls": True}],
            "runner": "hyperv_runner:WordRunner",
            "certificate": str(self.server.certificate),
            "key": str(self.server.key),
            "client_ca": str(self.authority.certificate),
            "passwords": {"administrator": PASSWORD},
            "client_certificates": {self.client.fingerprint: "administrator"},
            **settings,
        }
        path.write_text(json.dumps(values))
        process = subprocess.Popen(
            [sys.executable, "-m", "drover_lab.hyperv", str(path)],
            env={
                **os.environ,
                **self.realm.environment,
                "KRB5_KTNAME": str(self.folder / "keytab"),
                "NTLM_USER_FILE": str(self.folder / "ntlm-users"),
                "PYTHONPATH": str(Path(__file__).parent),
                **(environment or {}),
            },
        )
        peer = Peer(self, process, sock)
        try:
            wait_until(f"the host {name} runs", peer.answers, deadline=30, interval=0.05)
        except BaseException:
            peer.end()
            raise
        return peer


_USERS = ("administrator", "operator", "guest")


class Peer:
    """One running host, and its control socket."""

    def __init__(self, world: World, process: "subprocess.Popen[bytes]", sock: Path) -> None:
        self.world = world
        self.process = process
        self._socket = sock

    def answers(self) -> bool:
        assert self.process.poll() is None, "the host ended"
        try:
            return bool(self.status())
        except OSError:
            return False

    def status(self) -> dict[str, Any]:
        return control.ask(self._socket, "status")

    def ask(self, order: str, **values: Any) -> None:
        control.ask(self._socket, order, **values)

    def goes_wrong(self, kind: str, **values: Any) -> None:
        self.ask("inject", kind=kind, **values)

    @property
    def shells(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.status()["shells"]
        return found

    def port(self, scheme: str) -> int:
        return int(self.status()["ports"][0 if scheme == "http" else 1])

    def url(self, scheme: str) -> str:
        return f"{scheme}://127.0.0.1:{self.port(scheme)}/wsman"

    def spec(self, transport: str = "ntlm", scheme: str = "https", **changes: Any) -> ConnectionSpec:
        """A connection to this host that works, but for what is changed."""
        extra = {"transport": transport, "scheme": scheme, "ca_file": str(self.world.authority.certificate)}
        login, password = "administrator", PASSWORD
        if transport == "kerberos":
            login, password = f"administrator@{REALM}", _KERBEROS_PASSWORD
            extra |= {"kdc": self.world.realm.kdc, "kerberos_host": NAME}
        if transport == "certificate":
            login = password = ""
            extra |= {"cert_file": str(self.world.client.certificate), "key_file": str(self.world.client.key)}
        values = {"host": "127.0.0.1", "port": self.port(scheme), "login": login, "password": password}
        values |= {name: changes.pop(name) for name in tuple(values) if name in changes}
        return ConnectionSpec(id="hv_a", kind="hyperv", extra={**extra, **changes}, **values)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()

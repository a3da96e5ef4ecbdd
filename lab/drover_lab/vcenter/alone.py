"""One vCenter alone on the loopback, without a lab around it: for tests and figures. Its machines have no network."""

import datetime
import ipaddress
import json
import os
import socket
import subprocess
import time
import uuid
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from drover.hypervisors.connection import ConnectionSpec
from drover_lab.process import ProcessRecord, boot_id
from drover_lab.vcenter import program

LOGIN = "administrator@vsphere.local"
PASSWORD = "very secret & <odd>"
GIB = 1 << 30


class VCenter:
    """One running vCenter. :attr port: on 127.0.0.1."""

    def __init__(
        self,
        folder: Path,
        *,
        machines: int = 0,
        delay: int = 0,
        certificate: "Identity | None" = None,
        datacenter: str = "site-t",
        datastore: str = "datastore1",
    ) -> None:
        """:param datastore: the name of the large one; its files are in the folder `datastore1` whatever it is."""
        self.folder = folder
        self._datacenter, self._datastore = datacenter, datastore
        self.identity = certificate or Identity.make(folder)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        config = folder / "vcenter.json"
        config.write_text(json.dumps(self._config(machines, delay)))
        log = (folder / "log").open("wb")
        self.process = subprocess.Popen([str(program.ensure()), str(config)], stdout=log, stderr=log)
        self._wait()

    def _config(self, machines: int, delay: int) -> dict[str, Any]:
        stores = [(self._datastore, "datastore1", 100 * GIB), ("small", "small", 64 << 20)]
        return {
            "name": "vc-test",
            "listen": f"127.0.0.1:{self.port}",
            "certificate": str(self.identity.certificate),
            "key": str(self.identity.key),
            "login": LOGIN,
            "password": PASSWORD,
            "instance_uuid": str(uuid.uuid4()),
            "state": str(self.folder / "s"),
            "datacenter": self._datacenter,
            "cluster": "cluster-t",
            "hosts": ["esx-t1", "esx-t2"],
            "datastores": [
                {"name": name, "folder": str(self.folder / folder), "capacity": size} for name, folder, size in stores
            ],
            "bridges": {},
            "port_groups": ["production", "isolated"],
            "machines": machines,
            "delay": delay,
        }

    def _wait(self) -> None:
        until = time.monotonic() + 300
        while True:
            try:
                self.ask("ping")
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert self.process.poll() is None, (self.folder / "log").read_text()
                assert time.monotonic() < until
                time.sleep(0.05)

    def ask(self, what: str, **details: object) -> Any:
        """What no vCenter offers: delay, faults, end-sessions."""
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(os.path.relpath(self.folder / "s" / "control.sock"))
            line.sendall(json.dumps({"do": what, **details}).encode() + b"\n")
            answer = json.loads(line.makefile().readline())
        assert "error" not in answer, answer
        return answer.get("result")

    def spec(self, **changed: Any) -> ConnectionSpec:
        values: dict[str, Any] = {
            "id": "vc_test",
            "kind": "vsphere",
            "host": "127.0.0.1",
            "port": self.port,
            "login": LOGIN,
            "password": PASSWORD,
            "extra": {"ca_file": str(self.identity.authority)},
        }
        return ConnectionSpec(**{**values, **changed})

    def stop(self) -> None:
        """Its machines outlive it, as they would where it crashed, so they are ended here."""
        self.process.terminate()
        try:
            self.process.wait(30)
        finally:
            self.process.kill()
            for path in (self.folder / "s" / "run").glob("*.json"):
                known = json.loads(path.read_text())["process"]
                ProcessRecord(known["pid"], int(known["started"]), boot_id()).kill()


class Identity:
    """A certificate for 127.0.0.1, signed by an authority of its own."""

    def __init__(self, certificate: Path, key: Path, authority: Path) -> None:
        self.certificate, self.key, self.authority = certificate, key, authority

    @classmethod
    def make(cls, folder: Path, *, address: str = "127.0.0.1", days: tuple[int, int] = (-1, 30)) -> "Identity":
        """:param days: from when to when it is valid, seen from today."""
        signer, key = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority of a test")])
        own = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "vc")])
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        root = _builder(issuer, issuer, signer, (-9, 90)).add_extension(
            x509.BasicConstraints(True, None), critical=True
        )
        leaf = _builder(own, issuer, key, days).add_extension(names, critical=False)
        identity = cls(folder / "vc.pem", folder / "vc.key", folder / "ca.pem")
        pem = serialization.Encoding.PEM
        identity.authority.write_bytes(root.sign(signer, hashes.SHA256()).public_bytes(pem))
        identity.certificate.write_bytes(leaf.sign(signer, hashes.SHA256()).public_bytes(pem))
        plain = serialization.NoEncryption()
        identity.key.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
        return identity

    def thumbprint(self, kind: hashes.HashAlgorithm) -> str:
        """As openssl shows it: `AA:BB:...`."""
        return x509.load_pem_x509_certificate(self.certificate.read_bytes()).fingerprint(kind).hex(":").upper()


def _builder(
    subject: x509.Name, issuer: x509.Name, key: rsa.RSAPrivateKey, days: tuple[int, int]
) -> x509.CertificateBuilder:
    today = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today + datetime.timedelta(days=days[0]))
        .not_valid_after(today + datetime.timedelta(days=days[1]))
    )

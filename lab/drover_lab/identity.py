"""Who a vCenter or a Hyper-V host is: its certificate, by the lab's own authority, and its administrator's password."""

import datetime
import ipaddress
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from drover_lab import keys
from drover_lab.process import write_atomically
from drover_lab.topology import LabHost, Topology

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.x509 import Certificate, CertificateBuilder, Name

_KEY_BITS = 2048
_VALID = datetime.timedelta(days=3650)


def authority(lab: Topology) -> Path:
    """The certificate that a client must trust to verify the lab's hosts."""
    return keys.folder(lab) / "authority.pem"


def certificate(lab: Topology, where: LabHost) -> Path:
    return keys.folder(lab) / f"{where.name}.pem"


def private_key(lab: Topology, where: LabHost) -> Path:
    return keys.folder(lab) / f"{where.name}.key"


def password(lab: Topology, where: LabHost) -> str:
    return password_file(lab, where).read_text().strip()


def ensure(lab: Topology, where: LabHost) -> None:
    """Makes what is missing. The password's file and the keys are readable for root alone."""
    if not password_file(lab, where).exists():
        write_atomically(password_file(lab, where), secrets.token_urlsafe(15), 0o600)
    # Certificate last: where it is there, all is there.
    if not authority(lab).exists():
        _make_authority(lab)
    if not certificate(lab, where).exists():
        _make_certificate(lab, where)


def password_file(lab: Topology, where: LabHost) -> Path:
    return keys.folder(lab) / f"{where.name}.password"


def _authority_key(lab: Topology) -> Path:
    return keys.folder(lab) / "authority.key"


def _make_authority(lab: Topology) -> None:
    from cryptography import x509

    key = _new_key()
    name = _name(f"Drover lab {lab.state.name}")
    builder = _builder(name, name, key).add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    builder = builder.add_extension(usage, critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    _save_key(_authority_key(lab), key)
    _save_certificate(authority(lab), _sign(builder, key))


def _make_certificate(lab: Topology, where: LabHost) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    signer = load_pem_private_key(_authority_key(lab).read_bytes(), None)
    if not isinstance(signer, RSAPrivateKey):
        raise TypeError("the lab's authority has another kind of key than it was made with")
    issuer = x509.load_pem_x509_certificate(authority(lab).read_bytes())
    key = _new_key()
    names = [x509.IPAddress(ipaddress.ip_address(where.address)), x509.DNSName(where.name)]
    builder = (
        _builder(_name(where.name), issuer.subject, key)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    _save_key(private_key(lab, where), key)
    _save_certificate(certificate(lab, where), _sign(builder, signer))


def _new_key() -> "RSAPrivateKey":
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)


def _name(text: str) -> "Name":
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(subject: "Name", issuer: "Name", key: "RSAPrivateKey") -> "CertificateBuilder":
    from cryptography import x509

    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + _VALID)
    )


def _sign(builder: "CertificateBuilder", key: "RSAPrivateKey") -> "Certificate":
    from cryptography.hazmat.primitives import hashes

    return builder.sign(key, hashes.SHA256())


def _save_key(path: Path, key: "RSAPrivateKey") -> None:
    from cryptography.hazmat.primitives import serialization

    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_atomically(path, text.decode(), 0o600)


def _save_certificate(path: Path, made: "Certificate") -> None:
    from cryptography.hazmat.primitives import serialization

    write_atomically(path, made.public_bytes(serialization.Encoding.PEM).decode())

"""Sealed bodies: SOAP in a multipart that only the two ends of a login can read. Parsed strictly, byte for byte."""

import re
import struct
from typing import Any

SPNEGO = "application/HTTP-SPNEGO-session-encrypted"
CREDSSP = "application/HTTP-CredSSP-session-encrypted"
_BOUNDARY = b"--Encrypted Boundary"
_OCTETS = b"\tContent-Type: application/octet-stream\r\n"
_CHUNK = 16 * 1024


class SealError(Exception):
    """The body is not sealed as it must be."""


def is_sealed(content_type: str) -> bool:
    return content_type.startswith(("multipart/encrypted", "multipart/x-multi-encrypted"))


def protocol_of(content_type: str) -> str:
    found = re.fullmatch(
        r'multipart/(?:x-multi-)?encrypted;\s*protocol="([^"]+)";\s*boundary="Encrypted Boundary"', content_type
    )
    if not found or found[1] not in (SPNEGO, CREDSSP):
        raise SealError(f"the content type {content_type!r}")
    return found[1]


def unseal(context: Any, content_type: str, body: bytes) -> bytes:
    """:param context: the login's pyspnego context. :raises SealError: it is not sealed as it must be."""
    protocol = protocol_of(content_type)
    end = _BOUNDARY + b"--\r\n"
    if not body.endswith(end):
        raise SealError("no boundary at the end")
    head = re.compile(
        re.escape(_BOUNDARY + b"\r\n\tContent-Type: " + protocol.encode())
        + rb"\r\n\tOriginalContent: type=application/soap\+xml;charset=UTF-8;Length=(\d+)\r\n"
        + re.escape(_BOUNDARY + b"\r\n" + _OCTETS)
    )
    starts = list(head.finditer(body))
    if not starts or starts[0].start() != 0:
        raise SealError("no sealed part at the start")
    if len(starts) > 1 and not content_type.startswith("multipart/x-multi-encrypted"):
        raise SealError("several parts in a message of one part")
    plain = b""
    ends = [part.start() for part in starts[1:]] + [len(body) - len(end)]
    for part, until in zip(starts, ends, strict=True):
        piece = _open(context, protocol, body[part.end() : until])
        if len(piece) != int(part[1]):
            raise SealError(f"a part says that it has {int(part[1])} bytes and has {len(piece)}")
        plain += piece
    return plain


def _open(context: Any, protocol: str, data: bytes) -> bytes:
    (length,) = struct.unpack("<i", data[:4])
    if not 0 < length <= len(data) - 4:
        raise SealError(f"a signature of {length} bytes")
    if protocol == CREDSSP:
        return bytes(context.unwrap(data[4:]).data)
    return bytes(context.unwrap_winrm(data[4 : 4 + length], data[4 + length :]))


def seal(context: Any, protocol: str, message: bytes) -> tuple[str, bytes]:
    """:returns: the content type and the body."""
    large = protocol == CREDSSP and len(message) > _CHUNK
    pieces = [message[at : at + _CHUNK] for at in range(0, len(message), _CHUNK)] if large else [message]
    body = b""
    for piece in pieces:
        wrapped = context.wrap_winrm(piece)
        body += _BOUNDARY + b"\r\n\tContent-Type: " + protocol.encode() + b"\r\n"
        body += b"\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=%d\r\n" % len(piece)
        body += _BOUNDARY + b"\r\n" + _OCTETS
        body += struct.pack("<i", len(wrapped.header)) + wrapped.header + wrapped.data
    kind = "multipart/x-multi-encrypted" if large else "multipart/encrypted"
    return f'{kind};protocol="{protocol}";boundary="Encrypted Boundary"', body + _BOUNDARY + b"--\r\n"

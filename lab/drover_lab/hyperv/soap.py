"""WS-Management messages: requests are read strictly, answers are written as Windows writes them."""

import re
import uuid
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

S = "http://www.w3.org/2003/05/soap-envelope"
A = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
W = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
P = "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd"
N = "http://schemas.xmlsoap.org/ws/2004/09/enumeration"
TRANSFER = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
RSP = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
IDENTITY = "http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"
SHELLS = RSP  # the resource of all shells, whatever runs in them
CMD = f"{RSP}/cmd"

ANONYMOUS = f"{A}/role/anonymous"
_ENVELOPE = (
    f'<s:Envelope xml:lang="en-US" xmlns:s="{S}" xmlns:a="{A}" xmlns:x="{TRANSFER}" xmlns:n="{N}" xmlns:w="{W}" '
    f'xmlns:rsp="{RSP}" xmlns:p="{P}">'
)
# The headers that mean something here. Another one that must be understood is refused.
_KNOWN = {
    f"{{{A}}}To",
    f"{{{A}}}ReplyTo",
    f"{{{A}}}MessageID",
    f"{{{A}}}Action",
    f"{{{W}}}MaxEnvelopeSize",
    f"{{{W}}}Locale",
    f"{{{P}}}DataLocale",
    f"{{{W}}}OperationTimeout",
    f"{{{W}}}ResourceURI",
    f"{{{W}}}OptionSet",
    f"{{{W}}}SelectorSet",
    f"{{{P}}}SessionId",
}


class NotModelledError(Exception):
    """The request asks for something that this server does not know how Windows answers."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request. :param timeout: seconds. :param action: its whole URI. :param body: the first element, if any."""

    action: str
    message_id: str
    resource: str
    selectors: Mapping[str, str]
    options: Mapping[str, str]
    timeout: float
    max_envelope: int
    body: ElementTree.Element | None

    @property
    def name(self) -> str:
        """The last word of the action: Create, Receive, ..."""
        return self.action.rpartition("/")[2]

    def element(self, tag: str, namespace: str = RSP) -> ElementTree.Element:
        """The body, which must be this element."""
        if self.body is None or self.body.tag != f"{{{namespace}}}{tag}":
            raise NotModelledError(f"{self.name} without a {tag} in its body")
        return self.body


def parse(message: bytes) -> Request:
    """:raises NotModelledError: it is no request that this server answers."""
    try:
        root = ElementTree.fromstring(message)
    except ElementTree.ParseError as error:
        raise NotModelledError(f"a body that is not XML: {error}") from None
    header, body = root.find(f"{{{S}}}Header"), root.find(f"{{{S}}}Body")
    if root.tag != f"{{{S}}}Envelope" or body is None:
        raise NotModelledError("a body that is no SOAP 1.2 envelope")
    first = next(iter(body), None)
    if first is not None and first.tag == f"{{{IDENTITY}}}Identify":
        return Request("Identify", "", "", {}, {}, 60.0, 153600, first)
    if header is None:
        raise NotModelledError("an envelope without a header")
    _refuse_unknown(header)

    def text(namespace: str, tag: str, default: str | None = None) -> str:
        found = header.findtext(f"{{{namespace}}}{tag}", default)
        if found is None:
            raise NotModelledError(f"a header without {tag}")
        return found.strip()

    return Request(
        action=text(A, "Action"),
        message_id=text(A, "MessageID"),
        resource=text(W, "ResourceURI"),
        selectors=_named(header, "SelectorSet", "Selector"),
        options=_named(header, "OptionSet", "Option"),
        timeout=duration(text(W, "OperationTimeout", "PT60S")),
        max_envelope=int(text(W, "MaxEnvelopeSize", "153600")),
        body=first,
    )


def _refuse_unknown(header: ElementTree.Element) -> None:
    for child in header:
        if child.tag not in _KNOWN and child.get(f"{{{S}}}mustUnderstand", "").lower() in ("true", "1"):
            raise NotModelledError(f"the header {child.tag}, which must be understood")


def _named(header: ElementTree.Element, group: str, member: str) -> dict[str, str]:
    found = header.findall(f"{{{W}}}{group}/{{{W}}}{member}")
    return {item.get("Name", ""): (item.text or "").strip() for item in found}


def duration(text: str) -> float:
    """Seconds of an xs:duration; years and months are refused. :raises NotModelledError: it is none."""
    match = re.fullmatch(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?", text)
    if not match or text in ("P", "PT"):
        raise NotModelledError(f"the duration {text!r}")
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def elapsed(seconds: float) -> str:
    """How Windows writes a shell's age."""
    whole = int(seconds)
    return f"P{whole // 86400}DT{whole // 3600 % 24}H{whole // 60 % 60}M{whole % 60}S"


def element(tag: str, text: str | None = None, **attributes: str) -> str:
    """One element of an answer, escaped. An empty one keeps its closing tag, as Windows writes it."""
    named = "".join(f" {name}={quoteattr(value)}" for name, value in attributes.items())
    return f"<{tag}{named}>{escape(text or '')}</{tag}>"


def answer(request: Request, body: str, action: str | None = None) -> bytes:
    """The envelope around an answer's body, which is XML already."""
    head = element("a:Action", action or f"{request.action}Response")
    head += element("a:MessageID", f"uuid:{guid()}")
    head += element("a:To", ANONYMOUS)
    if request.message_id:
        head += element("a:RelatesTo", request.message_id)
    return f"{_ENVELOPE}<s:Header>{head}</s:Header><s:Body>{body}</s:Body></s:Envelope>".encode()


def identity(product: str) -> bytes:
    """The answer to Identify, which alone has no header to relate to."""
    inner = element("wsmid:ProtocolVersion", W) + element("wsmid:ProductVendor", "Microsoft Corporation")
    inner += element("wsmid:ProductVersion", product)
    body = f'<wsmid:IdentifyResponse xmlns:wsmid="{IDENTITY}">{inner}</wsmid:IdentifyResponse>'
    head = f'<s:Envelope xml:lang="en-US" xmlns:s="{S}"><s:Header></s:Header>'
    return f"{head}<s:Body>{body}</s:Body></s:Envelope>".encode()


def guid() -> str:
    """As Windows writes them: upper case."""
    return str(uuid.uuid4()).upper()

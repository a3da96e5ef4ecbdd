"""SOAP as it is kept in a recording: the body alone, without what tells whose it is, a line an element."""

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from drover.hypervisors.vsphere.marks import Going
from drover.hypervisors.vsphere.names import unescape
from drover.recordings.scrub import Scrubber, Words

_SPACES = {
    "soapenv": "http://schemas.xmlsoap.org/soap/envelope/",
    "xsi": "http://www.w3.org/2001/XMLSchema-instance",
    "xsd": "http://www.w3.org/2001/XMLSchema",
}
_TYPE = f"{{{_SPACES['xsi']}}}type"
_BASIC = frozenset({"string", "int", "long", "short", "byte", "boolean", "dateTime", "float", "double", "anyType"})
_REFERENCE = "ManagedObjectReference"
# Under these somebody's own text stands, digits or not; and under those an id may.
_THEIRS = frozenset({"annotation", "description", "identifierValue", "value"})
_KEYS = frozenset({"key", "portgroupKey"})
# What Drover's tag and its mark of a live move are made of.
_OURS = {*("wave", "run", "machine", "source_uuid", "role"), *(one.name for one in fields(Going))}
# What the platform makes up itself: `vm-12`, `group-d1`, `dvportgroup-21`.
_ID = re.compile(
    r"(?:vm|host|datastore|datacenter|network|dvportgroup|dvs|resgroup|resgroup-v|group-[a-z]|domain-[a-z]|snapshot|task)"
    r"-?\d+"
)
_SINGLE = re.compile(r"[A-Za-z-]{3,}")
_PLAIN = re.compile(r"true|false|\d{4}-\d\d-\d\dT[0-9:.]+(?:Z|[+-]\d\d:\d\d)?", re.IGNORECASE)
_DATASTORE = re.compile(r"\[([^]]*)\] ?(.*)", re.DOTALL)
# Behind the name that somebody gave: what the platform adds to it.
_FILE = re.compile(r"(.+?)((?:-\d{6})?(?:-(?:flat|ctk|delta|sesparse|rdm|rdmp))?\.[A-Za-z0-9]{1,5})", re.DOTALL)
_KEY = re.compile(r"(key-vim\.[A-Za-z.]+-)(.+)", re.DOTALL)
# How a vCenter writes some: `50 1e aa ... -9c 01 ...`.
_SPACED = re.compile(r"(?:[0-9a-f]{2} ){7}[0-9a-f]{2}-(?:[0-9a-f]{2} ){7}[0-9a-f]{2}", re.IGNORECASE)

WORDS = Words(
    kept=frozenset(
        {
            "accessMode", "addressType", "apiType", "apiVersion", "behavior", "build", "compatibilityMode", "cpuModel",
            "currentEVCModeKey", "diskMode", "faultcode", "firmware", "fullName", "guestFullName", "guestId", "level",
            "licenseProductName", "licenseProductVersion", "localeBuild", "localeVersion", "maintenanceMode",
            "monitorType", "operation", "osType", "path", "pathSet", "policy", "powerOffType", "privilegeId",
            "productLineId", "property", "resetType", "role", "sharedBus", "sharing", "snapshotPowerOffBehavior",
            "standbyAction", "startAction", "state", "status", "stopAction", "suspendType", "toolsRunningStatus",
            "toolsVersionStatus2", "type", "version", "virtualExecUsage", "virtualMmuUsage",
        }
    ),
    # Options that are ours or change what the guest sees; and what VMware's own names and everybody's logins are.
    parts=frozenset(
        {
            "drover.owner", "drover.live", "disk.enableuuid", "root", "vmware", "vcenter", "vsphere", "vsphere.local",
            "esxi",
        }
    ),
)  # fmt: skip


class SoapScrubber(Scrubber):
    """:ivar own: ids of what every server has one of."""

    def __init__(self) -> None:
        super().__init__(WORDS)
        self.own: set[str] = {"ServiceInstance"}
        self._asks = False

    def body(self, node: ET.Element) -> ET.Element:
        """A copy of a body's one element, its names without their spaces."""
        called = name(node)
        self._asks = not called.endswith(("Response", "Fault"))
        if called == "RetrieveServiceContentResponse":
            references = (one.text or "" for one in node.iter() if one.get("type"))
            self.own |= {text for text in references if _SINGLE.fullmatch(text)}
        return self._copy(node, "", None)

    def reference(self, text: str) -> str:
        """What stands for the id of an object."""
        if _ID.fullmatch(text) or text in self.own:
            return text
        return self.known.get(text) or self._stands_for(text, "object")

    def _copy(self, node: ET.Element, above: str, key: str | None) -> ET.Element:
        own, kind = name(node), _kind(node)
        copy = ET.Element("soapenv:Fault" if own == "Fault" else own)
        if own.endswith("Response") or above == "detail":
            copy.set("xmlns", "urn:vim25")
        if kind:
            copy.set("xsi:type", f"xsd:{kind}" if kind in _BASIC else kind)
        if node.get("type"):
            copy.set("type", _last(node.get("type"), ":"))
        for one in node:
            # A property's value goes by the name of the property.
            named = node.findtext("{*}name") if own == "propSet" and name(one) == "val" else None
            copy.append(self._copy(one, own, _last(named, ".") if named else None))
        if not len(node) and node.text:
            copy.text = node.text if is_ours(own, above) else self._leaf(node, key or own, kind)
        return copy

    def _leaf(self, node: ET.Element, key: str, kind: str) -> str:
        text = node.text or ""
        if node.get("type") or kind == _REFERENCE:
            return self.reference(text)
        # Numbers, and the platform's own words.
        if kind and kind not in ("string", "anyType"):
            return text
        return self._page(text) if key == "token" else self._text(text, key)

    def _page(self, token: str) -> str:
        """Servers give the same token for the second page of this and of that."""
        if not self._asks:
            self.known[f"token {token}"] = f"page-{self._next('page')}"
        return self.known.get(f"token {token}", token)

    def _text(self, text: str, key: str) -> str:
        if _PLAIN.fullmatch(text) or text.lower() in self.words.parts:
            return text
        if key in _THEIRS and not text.startswith("{"):
            return self._stands_for(text, "name")
        if key in _KEYS and _ID.fullmatch(text):
            return text
        if _SPACED.fullmatch(text):
            return _spaced(self._guid(_dashed(text)))
        if found := _KEY.fullmatch(text):
            return found[1] + self._stands_for(found[2], "name")
        if key not in self.words.kept and (found := _DATASTORE.fullmatch(text)):
            return f"[{self._stands_for(found[1], 'name')}] {self._file(found[2])}".rstrip()
        return self._tag(text) or super()._text(text, key)

    def _stands_for(self, text: str, kind: str) -> str:
        # Here, two names may differ in case alone; and one may be written in two ways.
        plain = f"{kind} {unescape(text)}"
        if plain not in self.known:
            self.known[plain] = f"{kind}-{self._next(kind)}"
        return self.known[plain]

    def _file(self, path: str) -> str:
        *folders, last = path.split("/")
        parts = [self._stands_for(one, "folder") if one else "" for one in folders]
        found = _FILE.fullmatch(last)
        if found:
            return "/".join([*parts, self._stands_for(found[1], "file") + found[2]])
        return "/".join([*parts, self._stands_for(last, "folder") if last else ""])

    def _tag(self, text: str) -> str | None:
        """What Drover itself has written to a machine's settings."""
        try:
            found = json.loads(text) if text.startswith("{") else None
        except ValueError:
            return None
        if not isinstance(found, dict) or not found.keys() <= _OURS:
            return None
        return json.dumps(self.value(found), sort_keys=True)


def content(envelope: bytes | str) -> ET.Element:
    """The one element in its body. :raises ValueError: there is none."""
    try:
        body = ET.fromstring(envelope).find(f"{{{_SPACES['soapenv']}}}Body")
    except ET.ParseError as error:
        raise ValueError(str(error)) from error
    if body is None or not len(body):
        raise ValueError("this is no SOAP")
    return body[0]


def name(node: ET.Element) -> str:
    """Of the element, without its space: in a request, the method that it calls."""
    return _last(_last(node.tag, "}"), ":")


def lines(node: ET.Element) -> list[str]:
    """As people read it. :param node: as `SoapScrubber.body` gives it."""
    ET.indent(node, " ")
    return ET.tostring(node, encoding="unicode").splitlines()


def envelope(body: str) -> str:
    """What goes over the line. :param body: lines, joined."""
    spaces = " ".join(f'xmlns:{prefix}="{space}"' for prefix, space in _SPACES.items())
    around = f'<?xml version="1.0" encoding="UTF-8"?>\n<soapenv:Envelope {spaces}><soapenv:Body>'
    return f"{around}{body}</soapenv:Body></soapenv:Envelope>"


def unspaced(node: ET.Element) -> ET.Element:
    """The same element, its names as they are kept."""
    for one in node.iter():
        one.tag, kind = name(one), one.attrib.pop(_TYPE, None)
        if kind:
            one.set("xsi:type", kind)
    return node


def shape(node: ET.Element) -> Any:
    """The same for two requests that ask for the same, however they are written."""
    return (name(node), _kind(node), (node.text or "").strip(), tuple(shape(one) for one in node))


def said(node: ET.Element) -> Iterator[str]:
    """What is in it but names of properties and kinds."""
    for above in node.iter():
        yield from (one.text for one in above if one.text and not len(one) and not is_ours(name(one), name(above)))


def is_ours(own: str, above: str) -> bool:
    """Whether an element names a property or a kind, as Drover's own requests do."""
    return own in ("path", "pathSet", "type") or (own == "name" and above in ("propSet", "selectSet"))


def _kind(node: ET.Element) -> str:
    return _last(node.get(_TYPE) or node.get("xsi:type"), ":")


def _last(text: str | None, sign: str) -> str:
    return (text or "").rpartition(sign)[2]


def _dashed(text: str) -> str:
    plain = re.sub("[ -]", "", text)
    return "-".join((plain[:8], plain[8:12], plain[12:16], plain[16:20], plain[20:]))


def _spaced(guid: str) -> str:
    pairs = re.findall("..", guid.replace("-", ""))
    return " ".join(pairs[:8]) + "-" + " ".join(pairs[8:])

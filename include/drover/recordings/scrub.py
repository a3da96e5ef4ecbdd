"""Takes out of an answer what tells whose it is: names, addresses, paths, ids. The same is the same everywhere after.

What is not known to be the platform's own word is taken out. Numbers and the platform's words stay, as they are what a
test case is about.
"""

import ipaddress
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PureWindowsPath
from typing import Any

from drover.errors import OperatorNeededError

_GUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
_MAC = re.compile(r"(?:[0-9a-fA-F]{12}|[0-9a-fA-F]{2}(?:[:-][0-9a-fA-F]{2}){5})")
# A volume without a place in the file system.
_NO_PLACE = "\\\\?\\"
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
# Under these, digits are a name as well.
_NAMES = frozenset({"name", "host", "switch", "label", "adapter", "notes"})
# Shorter ones are in other words too.
_TELLING = 4


@dataclass(frozen=True, slots=True)
class Words:
    """What a platform's answers are made of.

    :param kept: keys whose values are the platform's own words. :param paths: keys of paths.
    :param first: keys whose values begin with a word of ours, and go on with somebody's.
    :param parts: of paths, and ids: in lower case; the platform's own.
    """

    kept: frozenset[str]
    paths: frozenset[str] = frozenset()
    first: frozenset[str] = frozenset()
    parts: frozenset[str] = frozenset()


@dataclass(slots=True)
class Scrubber:
    """:ivar known: what was there to what stands for it, for this recording alone; it is never written."""

    words: Words
    known: dict[str, str] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)

    def value(self, found: Any, key: str = "") -> Any:
        """The same without what tells whose it is. :param key: under which it was found."""
        if isinstance(found, Mapping):
            return {str(name): self.value(one, str(name)) for name, one in found.items()}
        if isinstance(found, list | tuple):
            return [self.value(one, key) for one in found]
        return self._text(found, key) if isinstance(found, str) else found

    def _text(self, text: str, key: str) -> str:
        if not text or key in self.words.kept or (key not in _NAMES and _NUMBER.fullmatch(text)):
            return text
        if key in self.words.paths:
            return self._path(text)
        if key in self.words.first:
            first, space, rest = text.partition(" ")
            return first + space + self._text(rest, "")
        if _GUID.search(text) and not _GUID.sub("", text).strip("{}:\\ ").replace("Microsoft", ""):
            return _GUID.sub(lambda one: self._guid(one[0]), text)
        if _MAC.fullmatch(text):
            return self._mac(text)
        address = _address(text)
        return self._address(text, address) if address else self._stands_for(text, "name")

    def _stands_for(self, text: str, kind: str) -> str:
        # Windows does not care for case.
        low = f"{kind} {text.lower()}"
        if low not in self.known:
            self.known[low] = f"{kind}-{self._next(kind)}"
        return self.known[low]

    def _next(self, kind: str) -> int:
        self._counts[kind] = self._counts.get(kind, 0) + 1
        return self._counts[kind]

    def _path(self, text: str) -> str:
        if text.startswith(_NO_PLACE):
            return _NO_PLACE + "Volume{" + self._guid(str(uuid.uuid5(uuid.NAMESPACE_URL, text))) + "}\\"
        path = PureWindowsPath(text)
        if "\\" not in text:
            return text if text.rstrip(":").isalpha() and len(text) <= 2 else self._stands_for(text, "name")
        start = path.anchor if len(path.drive) == 2 else "\\\\server\\share\\"
        parts = path.parts[1:] if path.anchor else path.parts
        end = "\\" if text.endswith("\\") and parts else ""
        return start + "\\".join(self._part(one) for one in parts) + end

    def _part(self, text: str) -> str:
        if text.lower() in self.words.parts or re.fullmatch(r"Volume\d+", text):
            return text
        stem, dot, suffix = text.rpartition(".")
        if not dot or not suffix.isalnum() or len(suffix) > 5:
            return self._stands_for(text, "folder")
        return f"{self._stands_for(stem, 'file')}.{suffix}"

    def _guid(self, text: str) -> str:
        low = text.lower()
        if low in self.words.parts:
            return text
        if low not in self.known:
            self.known[low] = str(uuid.UUID(int=self._next("guid"), version=4))
        return self.known[low].upper() if text.isupper() else self.known[low]

    def _mac(self, text: str) -> str:
        plain = re.sub("[:-]", "", text).lower()
        if not plain.strip("0"):
            return text
        if plain not in self.known:
            self.known[plain] = f"00155d{self._next('mac'):06x}"
        sign = next((one for one in ":-" if one in text), "")
        made = sign.join(self.known[plain][at : at + 2] for at in range(0, 12, 2))
        return made.upper() if text.upper() == text else made

    def _address(self, text: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
        if text not in self.known:
            # Those that are set aside for documentation.
            base = "192.0.2.0" if address.version == 4 else "2001:db8::"
            self.known[text] = str(ipaddress.ip_address(base) + self._next("address"))
        return self.known[text]


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None


def require_clean(text: str, secrets: Iterable[str | None], words: Words) -> None:
    """:param secrets: what may be nowhere in the text.

    :raises OperatorNeededError: something of it is; it does not say what.
    """
    low = text.lower()
    for secret in secrets:
        if secret and len(secret) >= _TELLING and secret.lower() not in words.parts and secret.lower() in low:
            raise OperatorNeededError(
                "Something that tells whose platform this is was about to be recorded; nothing was written.",
                remedy="This is a mistake in Drover; report it, but without the recording.",
            )

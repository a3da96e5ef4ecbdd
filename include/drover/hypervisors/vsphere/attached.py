"""Tags of the tagging service. They are in no SOAP API, so they are asked over REST, many machines at a time.

Only whoever asks for machines as people see them reads them, and once in a while: a power-on need not wait for them.
"""

import base64
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

from drover.errors import DroverError, OperatorNeededError
from drover.hypervisors.vsphere.http import AnsweredError
from drover.hypervisors.vsphere.session import Session
from drover.model import VirtualMachine

# Machines in one request, as VMware's own tools ask.
_BATCH = 1000
# Seconds for which a machine's tags are not asked anew by the same session.
_KEPT = 300.0
_KEY = "tags"
_CIS = "/rest/com/vmware/cis"
_LOGIN = f"{_CIS}/session"
_ATTACHED = f"{_CIS}/tagging/tag-association?~action=list-attached-tags-on-objects"
_SESSION = "vmware-api-session-id"
Ask = Callable[..., Any]


def with_tags(session: Session, machines: Sequence[VirtualMachine]) -> list[VirtualMachine]:
    """The same with the words `tag CATEGORY/NAME` for their tags, or `tags-unread WHY` where nobody can tell.

    :raises RetryableError: the line broke.
    """
    if session.content.about.apiType != "VirtualCenter":  # A single ESXi host has no tags.
        return list(machines)
    known: dict[str, tuple[float, tuple[str, ...]]] = session.memory.setdefault(_KEY, {})
    now = time.monotonic()
    ids = [one.id or "" for one in machines]
    asked = [one for one in ids if one not in known or now - known[one][0] > _KEPT]
    if asked:
        words = _words(session, asked)
        known |= {one: (now, words.get(one, ())) for one in asked}
    return [replace(one, devices=(*one.devices, *known[one.id or ""][1])) for one in machines]


def _words(session: Session, ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """By the machine's id; one that has no tags is left out."""
    try:
        with _rest(session) as ask:
            attached: dict[str, list[str]] = {}
            for at in range(0, len(ids), _BATCH):
                wanted = [{"id": one, "type": "VirtualMachine"} for one in ids[at : at + _BATCH]]
                for one in ask("POST", _ATTACHED, {"object_ids": wanted}) or ():
                    attached[str(one["object_id"]["id"])] = list(one.get("tag_ids") or ())
            names = _names(ask, sorted({tag for tags in attached.values() for tag in tags}))
    except (OperatorNeededError, AnsweredError) as error:
        return dict.fromkeys(ids, (f"tags-unread {error.message.rstrip('.')}",))
    except (KeyError, TypeError, ValueError, AttributeError):
        return dict.fromkeys(ids, (f"tags-unread {session.name} answers in a way that Drover does not know",))
    return {one: tuple(sorted(f"tag {names[tag]}" for tag in tags)) for one, tags in attached.items() if tags}


def _names(ask: Ask, tags: Sequence[str]) -> dict[str, str]:
    """CATEGORY/NAME by the tag's id. There is no call that tells several at once."""
    told = {tag: ask("GET", f"{_CIS}/tagging/tag/id:{tag}", None) for tag in tags}
    categories = sorted({str(one["category_id"]) for one in told.values()})
    names = {one: ask("GET", f"{_CIS}/tagging/category/id:{one}", None)["name"] for one in categories}
    return {tag: f"{names[str(one['category_id'])]}/{one['name']}" for tag, one in told.items()}


@contextmanager
def _rest(session: Session) -> Iterator[Ask]:
    """A login of its own, as REST knows nothing of that of SOAP; it is ended again."""
    http = session.http()
    line = http.connection()
    headers = {"Content-Type": "application/json", "Accept": "application/json"}

    def ask(method: str, path: str, body: object, **more: str) -> Any:
        text = json.dumps(body).encode() if body is not None else None
        given = {**headers, **more}
        with http.open(method, path, headers=given, body=text, connection=line, login=False) as answer:
            said = answer.read()
        return json.loads(said).get("value") if said else None

    pair = f"{session.spec.login}:{session.spec.password}".encode()
    try:
        key = ask("POST", _LOGIN, None, Authorization=f"Basic {base64.b64encode(pair).decode()}")
        headers[_SESSION] = str(key)
        try:
            yield ask
        finally:
            with suppress(DroverError, ValueError):  # It ends by itself soon.
                ask("DELETE", _LOGIN, None)
    finally:
        line.close()

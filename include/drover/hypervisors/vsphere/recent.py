"""What a vCenter does with a machine, or did a few minutes ago: the tasks that it remembers of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from drover.hypervisors.vsphere import nodes
from drover.hypervisors.vsphere.collector import Found, retrieve
from drover.hypervisors.vsphere.session import Session

_KIND = "VirtualMachine"
_PATHS = ["info.descriptionId", "info.state", "info.queueTime", "info.reason"]


@dataclass(frozen=True, slots=True)
class Recent:
    """A task of one machine. :param reference: `vim.Task`. :param what: the API's id of it, `VirtualMachine.powerOn`.

    :param user: who asked for it; None where the platform did. :param queued: by the server's clock.
    """

    reference: Any
    what: str
    ended: bool
    user: str | None
    queued: datetime | None


def recent(session: Session, machine_id: str) -> list[Recent]:
    """The machine's tasks, in the server's order; none that runs is ever missing."""
    ids: list[str] = []
    for found in retrieve(session, {_KIND: ["recentTask"]}, [(_KIND, machine_id)]):
        ids = [nodes.text(one) or "" for one in nodes.listed(found.node("recentTask"))]
    known = {one.id: one for one in retrieve(session, {"Task": _PATHS}, [("Task", one) for one in ids])}
    return [_recent(session, known[one]) for one in ids if one in known]


def _recent(session: Session, found: Found) -> Recent:
    from pyVmomi import vim

    queued = found.text("info.queueTime")
    return Recent(
        reference=vim.Task(found.id, session.stub),
        what=found.text("info.descriptionId") or "",
        ended=found.text("info.state") in ("success", "error"),
        user=nodes.text(found.node("info.reason"), "userName"),
        queued=datetime.fromisoformat(queued) if queued else None,
    )


def user_of(session: Session) -> str:
    with session.errors():
        return str(session.content.sessionManager.currentSession.userName)


def same_user(one: str, other: str) -> bool:
    r"""`user@domain` is also written `DOMAIN\user`; an ESXi host's own have no domain."""
    (name, domain), (name2, domain2) = _parts(one), _parts(other)
    return name == name2 and (domain == domain2 or not domain or not domain2)


def _parts(user: str) -> tuple[str, str]:
    domain, slash, name = user.casefold().partition("\\")
    if slash:
        return name, domain
    name, _, domain = user.casefold().partition("@")
    return name, domain

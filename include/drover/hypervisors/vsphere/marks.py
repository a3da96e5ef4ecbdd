"""The mark of a live move, in the machine's own settings: they travel with it, so either vCenter can be asked.

It says which move the machine is on, where that leads and when it began, so that the vCenter's task for it is told
from anybody else's, and so is a machine that has arrived from one that DRS or a person has moved.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from drover.hypervisors.port import TargetSettings
from drover.hypervisors.vsphere import nodes, tags, tasks
from drover.hypervisors.vsphere.collector import retrieve
from drover.hypervisors.vsphere.recent import Recent, recent, same_user
from drover.hypervisors.vsphere.session import Session
from drover.model import Ownership

KEY = "drover.live"
_KIND = "VirtualMachine"
# How their tasks are described; some versions put more behind it.
_RELOCATE = ("VirtualMachine.migrate", "VirtualMachine.relocate")


@dataclass(frozen=True, slots=True)
class Going:
    """:param asked: what was asked for, in short: another wish is another move. :param vcenter: where to, its id.

    :param origin: the host it left. :param stores: where its disks are to be, in their order.
    :param instance: the machine's own id, which a clone of it does not share.
    :param begun: the server's clock before the move was begun. :param user: who began it.
    :param before: the tag that the machine carried before.
    """

    asked: str
    vcenter: str
    host: str
    origin: str
    stores: tuple[str, ...]
    instance: str
    begun: str
    user: str
    before: str

    def began(self, task: Recent) -> bool:
        """Whether this is the task of this very move."""
        if task.user is None or task.queued is None or not task.what.startswith(_RELOCATE):
            return False
        return same_user(task.user, self.user) and task.queued >= datetime.fromisoformat(self.begun)


def asked(target: Session, settings: TargetSettings) -> str:
    wish = [
        target.content.about.instanceUuid,
        settings.host,
        sorted(settings.networks.items()),
        sorted(settings.storage.items()),
        tags.text(settings.owner),
    ]
    return hashlib.sha256(json.dumps(wish).encode()).hexdigest()[:16]


def read(session: Session, machine_id: str) -> Going | None:
    """None where the machine is on no move, or its mark is none that can be read: it proves nothing then."""
    value = _settings(session, machine_id).get(KEY)
    try:
        parts = json.loads(value or "")
        return Going(**{**parts, "stores": tuple(parts["stores"])})
    except (ValueError, TypeError, KeyError):
        return None


def put_on(session: Session, reference: Any, name: str, going: Going, owner: Ownership) -> None:
    """:param reference: `vim.VirtualMachine`. :param owner: whose it is from now on."""
    from pyVmomi import vim

    mark = vim.option.OptionValue(key=KEY, value=json.dumps(asdict(going), sort_keys=True))
    _write(session, reference, name, [mark, tags.option(owner)])


def take_off(session: Session, reference: Any, name: str, going: Going) -> None:
    """Of a machine that stayed where it was; it carries the tag again that it had before."""
    from pyVmomi import vim

    parts = {KEY: "", tags.KEY: going.before}
    _write(session, reference, name, [vim.option.OptionValue(key=key, value=value) for key, value in parts.items()])


def before(session: Session, machine_id: str, wish: str) -> str:
    """The tag to go back to. A killed or failed try of the same move has put its own in the place of that."""
    old = read(session, machine_id)
    if old is not None and old.asked == wish:
        return old.before
    return _settings(session, machine_id).get(tags.KEY, "")


def task_of(session: Session, machine_id: str, going: Going) -> tuple[Any, "tasks.State | None"]:
    """The task of this very move; None where the server does not remember one any more, which it does for minutes."""
    found = [one.reference for one in recent(session, machine_id) if going.began(one)]
    return (found[-1], tasks.state_of(session, found[-1])) if found else (None, None)


def _settings(session: Session, machine_id: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in retrieve(session, {_KIND: ["config.extraConfig"]}, [(_KIND, machine_id)]):
        for option in nodes.listed(one.node("config.extraConfig")):
            found[nodes.text(option, "key") or ""] = nodes.text(option, "value") or ""
    return found


def _write(session: Session, reference: Any, name: str, options: list[Any]) -> None:
    from pyVmomi import vim

    with session.errors():
        task = reference.ReconfigVM_Task(vim.vm.ConfigSpec(extraConfig=options))
    tasks.wait(session, task, f"the mark of machine '{name}'")

"""Whose a machine is. The truth stands in the machine's own settings, under a key of ours: it is there from the very
call that makes the machine, so that no killed try leaves one untagged, and vMotion takes it along to another vCenter.

The custom attribute `drover` says the same for people, who can see it and search for it. A single ESXi host has none.
"""

import json
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from drover.errors import OperatorNeededError
from drover.hypervisors.vsphere import lookup, nodes, tasks
from drover.hypervisors.vsphere.nodes import Node
from drover.hypervisors.vsphere.session import Session
from drover.model import Ownership

KEY = "drover.owner"
_FIELD = "drover"
_PARTS = ("wave", "run", "machine", "source_uuid", "role")


def text(owner: Ownership) -> str:
    return json.dumps({part: getattr(owner, part) for part in _PARTS}, sort_keys=True)


def read(options: Iterable[Node]) -> Ownership | None:
    """Drover's tag among a machine's settings; None where there is none or it lacks a part: it proves nothing then.

    :param options: `config.extraConfig`, each an OptionValue.
    """
    for option in options:
        if nodes.text(option, "key") == KEY:
            return parse(nodes.text(option, "value") or "")
    return None


def parse(value: str) -> Ownership | None:
    try:
        parts = json.loads(value)
    except ValueError:
        return None
    if not isinstance(parts, dict) or any(not isinstance(parts.get(part), str) for part in _PARTS):
        return None
    return Ownership(**{part: parts[part] for part in _PARTS})


def option(owner: Ownership) -> Any:
    """The tag as an OptionValue for the ConfigSpec of a machine that is made."""
    from pyVmomi import vim

    return vim.option.OptionValue(key=KEY, value=text(owner))


def tag(session: Session, name: str, owner: Ownership) -> None:
    """Writes the tag, in place of the one there."""
    write(session, lookup.require(session, name), name, owner)


def write(session: Session, machine: Any, name: str, owner: Ownership) -> None:
    """:param machine: `vim.VirtualMachine`. :param name: for messages."""
    from pyVmomi import vim

    with session.errors():
        spec = vim.vm.ConfigSpec(extraConfig=[option(owner)])
        task = machine.ReconfigVM_Task(spec)
    tasks.wait(session, task, f"the tag of machine '{name}'")
    show(session, machine, owner)


def show(session: Session, machine: Any, owner: Ownership) -> None:
    """Puts the tag where people see it."""
    manager = session.content.customFieldsManager
    if manager is not None:
        with session.errors():
            manager.SetField(machine, _field(session, manager), text(owner))


def _field(session: Session, manager: Any) -> int:
    """The attribute's key; made where there is none, and found where somebody else was quicker."""
    from pyVmomi import vim

    found = _find_field(manager)
    if found is None:
        with suppress(vim.fault.DuplicateName):
            return int(manager.AddCustomFieldDef(_FIELD, vim.VirtualMachine, None, None).key)
        found = _find_field(manager)
    if found is None:
        raise OperatorNeededError(
            f"{session.name} has a custom attribute named '{_FIELD}' that is not for virtual machines.",
            remedy="Rename it in the vSphere client, under Tags & Custom Attributes.",
        )
    return found


def _find_field(manager: Any) -> int | None:
    from pyVmomi import vim

    for field in manager.field or ():
        if field.name == _FIELD and field.managedObjectType in (None, vim.VirtualMachine, vim.ManagedEntity):
            return int(field.key)
    return None

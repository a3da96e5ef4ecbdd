"""Names and slots: what lets several labs stand side by side.

A slot is a number; a lab's addresses and interface names follow from it. It is taken by making the symbolic link
`slots/<number>` that points at the lab's name: that either works or fails, as one step, whoever else tries.
"""

import contextlib
import json
import os
import re
from collections.abc import Iterable
from ipaddress import IPv4Interface, IPv4Network
from pathlib import Path

from drover.errors import BadInputError, OperatorNeededError
from drover_lab import state
from drover_lab.process import output

DEFAULT_NAME = "drover"
SLOTS = 250


def check_name(name: str) -> str:
    """:raises BadInputError: the name could not be part of a file's or a namespace's name."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,30}", name):
        raise BadInputError(
            f"{name!r} cannot be the name of a lab.",
            remedy="Use up to 31 small letters, digits and dashes, beginning with a letter or a digit.",
        )
    return name


def _folder() -> Path:
    return state.ROOT / "slots"


def find(name: str) -> int | None:
    """The slot that a lab holds."""
    with contextlib.suppress(FileNotFoundError):
        for link in _folder().iterdir():
            with contextlib.suppress(OSError):
                if os.readlink(link) == name:
                    return int(link.name)
    return None


def claim(name: str) -> int:
    """The lab's slot: the one it holds already, or a free one. Slot 0 is the default lab's.

    :raises OperatorNeededError: none is free, or the addresses of the default lab are in use on this machine.
    """
    held = find(name)
    if held is not None:
        return held
    _folder().mkdir(parents=True, exist_ok=True)
    for slot in [0] if name == DEFAULT_NAME else range(1, SLOTS):
        if overlaps(slot, networks_in_use()):
            continue
        with contextlib.suppress(FileExistsError):
            os.symlink(name, _folder() / str(slot))
            return slot
    raise OperatorNeededError(
        f"There are no addresses free for the lab '{name}': this machine uses 10.213.x.0/24 and 10.214.x.0/24 itself.",
        remedy="Take another lab down, or the interface that has these addresses.",
    )


def release(name: str) -> None:
    """Gives the slot back; does nothing where there is none. Only for a lab of which nothing is left."""
    slot = find(name)
    if slot is not None:
        (_folder() / str(slot)).unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        _folder().rmdir()


def management(slot: int) -> IPv4Network:
    return IPv4Network(f"10.213.{slot}.0/24")


def production(slot: int) -> IPv4Network:
    return IPv4Network(f"10.214.{slot}.0/24")


def overlaps(slot: int, used: Iterable[IPv4Network]) -> bool:
    ours = (management(slot), production(slot))
    return any(network.overlaps(mine) for network in used for mine in ours)


def networks_in_use() -> list[IPv4Network]:
    """The networks this machine has an address in, outside of any lab's namespaces."""
    links = json.loads(output(["ip", "-json", "-4", "address", "show"]))
    return [
        IPv4Interface(f"{address['local']}/{address['prefixlen']}").network
        for link in links
        for address in link.get("addr_info", [])
    ]

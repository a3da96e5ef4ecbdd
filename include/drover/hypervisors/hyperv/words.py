"""What of a machine is to be thought about beyond disks and adapters, in the words that the concerns know."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from drover.model import Disk

Answer = Mapping[str, Any]

# Controllers in the order in which a guest finds them.
_RANKS = {"IDE": 0, "SCSI": 1}
# What is so or not. Where Hyper-V tells neither, nobody knows, and that is told.
_FACTS = {
    "shielded": "shielded",
    "tpm": "tpm",
    "clustered": "cluster-role",
    "memoryDynamic": "dynamic-memory",
    "nested": "nested-virtualization",
}
# What a machine gets of its host as long as nobody says otherwise: percent, or a weight among others.
_SHARES = {
    "processorReserve": ("cpu reservation {} %", "0"),
    "processorLimit": ("cpu limit {} %", "100"),
    "processorWeight": ("cpu weight {}", "100"),
    "memoryWeight": ("memory weight {}", "50"),
}


def words(answer: Answer, disks: Sequence[Disk]) -> Iterator[str]:
    """:param answer: of the script `inventory`. :param disks: what was made of its disks."""
    yield from _of_disks(answer, disks)
    for one in answer["adapters"]:
        yield from _of_adapter(one)
    facts = {
        "saved-state": answer["state"] in ("Saved", "FastSaved"),
        "key-protector": answer["protector"] and not answer["tpm"],
        f"replica {answer['replication']}": answer["replication"] not in ("", "Disabled"),
        f"secure-boot-template {answer['template']}": answer["secureBoot"] == "On"
        and answer["template"] != "MicrosoftWindows",
    }
    facts |= {word: answer.get(name) is True for name, word in _FACTS.items()}
    yield from (word for word, is_so in facts.items() if is_so)
    yield from (unknown(name) for name in _FACTS if answer.get(name) not in (True, False))
    if not answer["replication"]:
        yield unknown("replication")
    if answer["generation"] == 2 and answer["secureBoot"] not in ("On", "Off"):
        yield unknown("Secure Boot")
    # A production checkpoint that its guest refuses becomes one of the other kind, unless that is forbidden.
    if answer["checkpointType"] not in ("Production", "Standard"):
        yield f"checkpoints {answer['checkpointType']}".rstrip()
    yield from _shares(answer)
    yield from (f"cdrom-media {path}" for path in answer["media"])
    yield from (f"floppy-media {path}" for path in answer.get("floppies", ()))
    yield from answer["handed"]
    yield from (f"not-asked {kind}" for kind in answer["notAsked"])
    yield from _start_and_stop(answer)
    yield from _untold(answer)


def unknown(what: str) -> str:
    """The word for a fact that Hyper-V left out; it blocks."""
    return f"unreadable {what} (Hyper-V does not tell)"


def _of_disks(answer: Answer, disks: Sequence[Disk]) -> Iterator[str]:
    for disk, one in zip(disks, sorted(answer["disks"], key=place), strict=True):
        if one["problem"] or (not one["size"] and not one["passThrough"]):
            yield f"unreadable-disk-{disk.name}"
        if one["shared"] is None:
            yield unknown(f"sharing of disk {disk.name}")


def _of_adapter(one: Answer) -> Iterator[str]:
    mac = colons(one["mac"])
    if not one["switch"]:
        yield f"interface-disconnected {mac}"
    if not one["vlanMode"] or (one["vlanMode"] == "Access" and one["vlan"] is None):
        yield f"vlan {mac}"
    elif one["vlanMode"] != "Untagged":
        yield f"vlan {mac} {one['vlanMode'].lower()} {one['vlan'] or 0}"
    if one["legacy"] is None:
        yield unknown(f"the kind of adapter {mac}")
    # No legacy adapter has it.
    elif one.get("sriov") is None and not one["legacy"]:
        yield unknown(f"SR-IOV of adapter {mac}")
    if one.get("sriov"):
        yield f"sriov {mac}"
    if not one["mac"].strip("0"):
        yield f"interface-without-mac {one['name']}"


def _shares(answer: Answer) -> Iterator[str]:
    for name, (words_for, usual) in _SHARES.items():
        if answer.get(name) != usual:
            yield f"resources {words_for.format(answer.get(name) or 'unknown')}"


def _start_and_stop(answer: Answer) -> Iterator[str]:
    """Every action is told, the usual one too: no other kind of hypervisor saves a machine because Hyper-V would."""
    delay, action = answer.get("startDelay"), answer.get("stopAction")
    if delay != "0":
        yield f"start-delay {delay} s" if delay else unknown("start delay")
    yield f"stop-action {action}" if action else unknown("stop action")


def _untold(answer: Answer) -> Iterator[str]:
    """What is no concern, whichever it is, but is set at the target as it is here."""
    if answer["processorCompatibility"] is None:
        yield unknown("processor compatibility")
    yield from (unknown(f"integration service {one['name']}") for one in answer["services"] if one["enabled"] is None)


def place(disk: Answer) -> tuple[int, int, int]:
    """By which a machine's disks are in order."""
    return _RANKS.get(disk["controller"], len(_RANKS)), disk["number"], disk["location"]


def colons(mac: str) -> str:
    """As the model writes it."""
    low = mac.lower()
    return ":".join(low[at : at + 2] for at in range(0, len(low), 2))

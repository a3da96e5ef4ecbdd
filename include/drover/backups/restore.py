"""A backup as a machine again: proven whole first, then made at any hypervisor, off, and read back.

What is restored must never run beside its original: it has the same MAC addresses, and its guest the same address.
"""

import uuid
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace

from drover.backups.contents import Contents, proven
from drover.backups.seal import Facts
from drover.backups.shelf import Shelf
from drover.blocks.manifest import Manifest, differences
from drover.blocks.ranges import spell
from drover.blocks.throttle import Throttle
from drover.blocks.verified import verified_copy
from drover.errors import BadInputError, CorruptionError, DroverError, OperatorNeededError
from drover.hypervisors.arrivals import choose_pool, read_back, refuse_taken, require_name
from drover.hypervisors.port import Hypervisor, TargetSettings
from drover.model import Ownership, PowerState, Progress, VirtualMachine

# No wave's name begins with a dot.
WAVE = ".restore"
ROLE = "restored"

Connect = Callable[[str], Hypervisor]


@dataclass(frozen=True, slots=True)
class Restored:
    """:param of: whose backup it was, in the seal's words.

    :param digests: of what was written, by the new machine's names of its disks.
    """

    machine: VirtualMachine
    of: Facts
    digests: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Original:
    """The machine that was backed up, where a connection knows it.

    :param state: None where the connection could not be asked; then `why` says so.
    """

    connection: str
    state: PowerState | None
    why: str = ""


def restore(
    hypervisor: Hypervisor,
    shelf: Shelf,
    *,
    name: str | None = None,
    networks: Mapping[str, str] | None = None,
    pool: str | None = None,
    host: str | None = None,
    progress: Callable[[Progress], None],
) -> Restored:
    """Makes the machine, off, and returns when its disks were read back. A killed one is repeated by the same call.

    :param name: of the new machine, where the original's is not wanted.
    :param networks: network of the source to network here; one that is not named keeps its name.
    :param pool: where the disks go; may be left out where the target has only one.
    :raises BadInputError: there is no finished backup. :raises CorruptionError: it is not whole, or arrived wrong.
    """
    facts = _sealed(shelf)
    with shelf.local() as folder:
        contents = proven(folder, facts)
        machine = _renamed(contents.machine, name)
        require_name(machine.name)
        settings = _settings(hypervisor, machine, facts, networks or {}, pool, host)
        refuse_taken(hypervisor, settings.owner, "Restore")
        written = fill(hypervisor, contents, machine, settings, progress=progress)
    read_back(hypervisor, machine.name, written, progress)
    final = replace(settings.owner, role=ROLE)
    made = replace(hypervisor.machine(machine.name), ownership=final)
    # Last of all: from then on it is nobody's to write to, not even ours.
    hypervisor.tag(machine.name, final)
    return Restored(made, facts["of"], {disk: one.root for disk, one in written.items()})


def _sealed(shelf: Shelf) -> Facts:
    facts = shelf.seal()
    if facts is None:
        raise BadInputError(
            f"There is no finished backup in {shelf.label}.",
            remedy="Name the folder that holds backup.json; './drover backups list' shows what there is.",
        )
    return facts


def _renamed(machine: VirtualMachine, name: str | None) -> VirtualMachine:
    """Under another name it is another machine, so it gets another UUID. Its MAC addresses stay."""
    # All disks go to one place, whatever the pools were called.
    disks = tuple(replace(disk, pool=WAVE) for disk in machine.disks)
    bare = replace(machine, state=PowerState.OFF, autostart=False, ownership=None, disks=disks)
    if name is None or name == machine.name:
        return bare
    return replace(bare, name=name, uuid=derived_uuid(machine, name))


def derived_uuid(machine: VirtualMachine, name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"drover backup {machine.uuid} {name}"))


def _settings(
    hypervisor: Hypervisor,
    machine: VirtualMachine,
    facts: Facts,
    networks: Mapping[str, str],
    pool: str | None,
    host: str | None,
) -> TargetSettings:
    return TargetSettings(
        networks={nic.network: networks.get(nic.network, nic.network) for nic in machine.nics},
        storage={WAVE: choose_pool(hypervisor, pool)},
        owner=Ownership(WAVE, facts["sha256"], machine.name, machine.uuid, "target"),
        host=host,
    )


def fill(
    hypervisor: Hypervisor,
    contents: Contents,
    machine: VirtualMachine,
    settings: TargetSettings,
    *,
    progress: Callable[[Progress], None],
    throttle: Throttle | None = None,
) -> dict[str, Manifest]:
    """Makes the machine and writes its disks; what an unfinished try from another backup left is removed first.

    :returns: what was written, by the hypervisor's own names of the disks.
    :raises CorruptionError: what came out of an image is not what its manifest says.
    """
    found = hypervisor.find(machine.name)
    if found is not None and found.ownership is not None and found.ownership.run != settings.owner.run:
        hypervisor.remove(machine.name, settings.owner)
    made = hypervisor.define(machine, settings)
    if [disk.size for disk in made.disks] != [disk.size for disk in machine.disks]:
        raise OperatorNeededError(
            f"Machine '{machine.name}' was made here before with other disks than the backup has.",
            remedy="Remove it by hand, then do it again.",
        )
    written: dict[str, Manifest] = {}
    with ExitStack() as stack:
        targets = stack.enter_context(hypervisor.write_disks(machine.name, settings.owner))
        images = stack.enter_context(contents.images())
        for before, disk in zip(contents.machine.disks, made.disks, strict=True):
            done = verified_copy(
                images[before.name],
                targets[disk.name],
                journal=None,
                throttle=throttle or Throttle(),
                progress=progress,
            )
            if ranges := differences(contents.manifests[before.name], done.copy.manifest):
                raise CorruptionError(
                    f"Disk {before.name} of the backup {contents.folder} is not what was backed up: "
                    f"{spell(ranges)} differ.",
                    remedy="Keep it for whoever looks into it, and use another backup of this machine.",
                )
            written[disk.name] = done.copy.manifest
    return written


def originals(restored: Restored, connect: Connect) -> list[Original]:
    """How the machine that was backed up is now, wherever the backup says that it may be (law 2: never two)."""
    asked = dict.fromkeys((restored.of["source"], restored.of["target"]))
    return [found for connection in asked if (found := _look(connection, restored, connect)) is not None]


def _look(connection: str, restored: Restored, connect: Connect) -> Original | None:
    try:
        with connect(connection) as hypervisor:
            found = hypervisor.find(restored.of["machine"])
    except DroverError as error:
        return Original(connection, None, str(error))
    tag = found.ownership if found else None
    if found is None or restored.of["uuid"] not in (found.uuid, tag.source_uuid if tag else ""):
        return None
    return None if tag is not None and tag.wave == WAVE else Original(connection, found.state)

"""What everything that makes a machine outside of a wave shares: a place for its disks, a name, the read-back."""

from collections.abc import Callable, Mapping

from drover.blocks.manifest import Manifest, differences
from drover.blocks.ranges import spell
from drover.blocks.readback import read_manifest
from drover.blocks.throttle import Throttle
from drover.errors import BadInputError, CorruptionError, OperatorNeededError
from drover.hypervisors.port import Hypervisor
from drover.model import Ownership, Progress


def require_name(name: str) -> None:
    """Platforms name files after it: some refuse a line break only once the machine is half made.

    :raises BadInputError: no machine can have it.
    """
    if not name.isprintable():
        raise BadInputError(
            f"No machine can be named {name!r}: that has a line break or another unprintable character in it.",
            remedy="Give it another name, with --name.",
        )


def choose_pool(hypervisor: Hypervisor, wanted: str | None) -> str:
    """:raises BadInputError: none was named, and there is not exactly one."""
    there = [found.name for found in hypervisor.pools() if found.active]
    if wanted is None and len(there) != 1:
        raise BadInputError(
            f"The target has {len(there)} storage pools, so one must be chosen.",
            remedy=f"Name it with --storage: {', '.join(sorted(there)) or 'there is none; make one first'}.",
        )
    return wanted or there[0]


def refuse_taken(hypervisor: Hypervisor, owner: Ownership, verb: str) -> None:
    """Before gigabytes are read. :param verb: what is done, as in 'Import it under another name'.

    :raises OperatorNeededError: the name is taken, be it by what was finished before.
    """
    found = hypervisor.find(owner.machine)
    tag = found.ownership if found else None
    if found is not None and not (tag is not None and tag.same_machine(owner) and tag.role == "target"):
        raise OperatorNeededError(
            f"There is a machine '{owner.machine}' already.", remedy=f"{verb} it under another name, with --name."
        )


def read_back(
    hypervisor: Hypervisor, name: str, written: Mapping[str, Manifest], progress: Callable[[Progress], None]
) -> None:
    """Through the hypervisor's own way out. :param written: by its own names of the disks.

    :raises CorruptionError: something else is there than was written.
    """
    with hypervisor.read_disks(name) as endpoints:
        for disk, expected in written.items():
            found = read_manifest(
                endpoints[disk], throttle=Throttle(), progress=progress, chunk_size=expected.chunk_size
            )
            if ranges := differences(expected, found):
                raise CorruptionError(
                    f"{endpoints[disk].label} does not hold what was written to it: {spell(ranges)} differ.",
                    remedy="Check the storage there, then do it anew.",
                )

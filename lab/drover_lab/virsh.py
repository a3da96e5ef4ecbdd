"""What the lab asks of the libvirt on a host, through SSH as any user would.

A login takes half a second on a busy machine, so what belongs together goes in one: `virsh` runs several commands,
separated by semicolons, and goes on after one that fails. All names in them are the lab's own.
"""

from drover.errors import OperatorNeededError
from drover_lab import definitions, host
from drover_lab.topology import LabHost, Topology

_STATES = {"running": "running", "paused": "paused", "shut off": "off"}
_EVERYTHING = "--nvram --managed-save --snapshots-metadata --checkpoints-metadata"


def virsh(lab: Topology, where: LabHost, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
    """What `virsh` prints on that host. :raises OperatorNeededError: it failed, unless `check` is false."""
    command = ["virsh", "-q", "-c", "qemu:///system", *arguments]
    return host.ssh(lab, where, command, stdin=stdin, check=check).stdout.decode()


def _batch(lab: Topology, where: LabHost, commands: list[str]) -> str:
    """Runs commands whose failures do not matter; the last one counts, and should ask how things are now."""
    return virsh(lab, where, "; ".join(commands))


def ensure_host(lab: Topology, where: LabHost) -> None:
    """Networks and pools, defined and started: what the host found at its start, unless somebody removed it since."""
    objects = [("net", name, definitions.network(name)) for name in definitions.NETWORKS]
    objects += [("pool", name, definitions.pool(name)) for name in definitions.POOLS]
    if _active(lab, where) >= {name for _, name, _ in objects}:
        return
    for kind, name, definition in objects:
        commands = (f"{kind}-define /dev/stdin", f"{kind}-start {name}", f"{kind}-autostart {name}")
        virsh(lab, where, "; ".join(commands), stdin=definition)
    absent = {name for _, name, _ in objects} - _active(lab, where)
    if absent:
        raise OperatorNeededError(
            f"On {where.name} these do not start: {', '.join(sorted(absent))}.",
            remedy=f"See {host.logs(where) / 'libvirtd.log'}.",
        )


def _active(lab: Topology, where: LabHost) -> set[str]:
    return _names(_batch(lab, where, ["net-list --name", "pool-list --name"]))


def states(lab: Topology, where: LabHost) -> dict[str, str]:
    """The machines defined on a host and what each does: `running`, `paused`, `off` or `other`."""
    found = {}
    for line in virsh(lab, where, "list", "--all").splitlines():
        # Id, name (which may contain blanks), state (`shut off` is the only one that does and matters).
        words = line.split(maxsplit=1)[1].rstrip() if line.strip() else ""
        name, _, state = words.rpartition("  ")
        if name:
            found[name.strip()] = _STATES.get(state.strip(), "other")
    return found


def autostarts(lab: Topology, where: LabHost) -> set[str]:
    """The machines that start with the host."""
    return _names(virsh(lab, where, "list", "--all", "--autostart", "--name"))


def undefine(lab: Topology, where: LabHost, names: list[str]) -> None:
    """Ends machines and forgets them with their checkpoints, snapshots and NVRAM; no matter if there are none."""
    commands = [command for name in names for command in (f"destroy {name}", f"undefine {name} {_EVERYTHING}")]
    left = _names(_batch(lab, where, [*commands, "list --all --name"])) & set(names)
    if left:
        raise OperatorNeededError(
            f"On {where.name} these machines cannot be removed: {', '.join(sorted(left))}.",
            remedy="Take the lab down and up again ('./drover lab down', './drover lab up').",
        )


def create(lab: Topology, where: LabHost, name: str, definition: str) -> None:
    """Defines a machine, starts it, and lets it start with its host from now on."""
    commands = ["pool-refresh default", "define /dev/stdin", f"autostart {name}", f"start {name}"]
    virsh(lab, where, "; ".join(commands), stdin=definition)


def _names(text: str) -> set[str]:
    return {line.strip() for line in text.splitlines() if line.strip()}

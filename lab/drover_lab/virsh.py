"""What the lab asks of the libvirt on a host, through SSH as any user would."""

from drover.errors import OperatorNeededError
from drover_lab import definitions, host
from drover_lab.topology import LabHost, Topology


def virsh(lab: Topology, where: LabHost, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
    """What `virsh` prints on that host. :raises OperatorNeededError: it failed, unless `check` is false."""
    command = ["virsh", "-q", "-c", "qemu:///system", *arguments]
    return host.ssh(lab, where, command, stdin=stdin, check=check).stdout.decode()


def ensure_host(lab: Topology, where: LabHost) -> None:
    """Networks and pools, defined, started, and started again with the host."""
    networks = _names(virsh(lab, where, "net-list", "--all", "--name"))
    for name in ("production", "isolated"):
        if name not in networks:
            virsh(lab, where, "net-define", "/dev/stdin", stdin=definitions.network(name))
        _start(lab, where, "net", name)
    pools = _names(virsh(lab, where, "pool-list", "--all", "--name"))
    for name, path in (("default", definitions.IMAGES), ("small", "/var/lib/libvirt/small")):
        if name not in pools:
            virsh(lab, where, "pool-define", "/dev/stdin", stdin=definitions.pool(name, path))
        _start(lab, where, "pool", name)


def _start(lab: Topology, where: LabHost, kind: str, name: str) -> None:
    if name not in _names(virsh(lab, where, f"{kind}-list", "--name")):
        virsh(lab, where, f"{kind}-start", name)
    virsh(lab, where, f"{kind}-autostart", name)


def states(lab: Topology, where: LabHost) -> dict[str, str]:
    """The machines defined on a host and what each does: `running`, `paused`, `off` or `other`."""
    # `dominfo` one by one would be slow under emulation; this is one login and one list.
    table = virsh(lab, where, "list", "--all", "--state-other", "--state-running", "--state-paused", "--state-shutoff")
    found = {}
    for line in table.splitlines():
        _, name, state = line.split(maxsplit=2)
        found[name] = {"running": "running", "paused": "paused", "shut off": "off"}.get(state.strip(), "other")
    return found


def undefine(lab: Topology, where: LabHost, name: str) -> None:
    """Ends a machine and forgets it with its checkpoints, snapshots and NVRAM; does nothing where there is none."""
    virsh(lab, where, "destroy", name, check=False)
    everything = ("--nvram", "--managed-save", "--snapshots-metadata", "--checkpoints-metadata")
    virsh(lab, where, "undefine", name, *everything, check=False)
    if name in _names(virsh(lab, where, "list", "--all", "--name")):
        raise OperatorNeededError(
            f"The machine {name} on {where.name} cannot be removed.",
            remedy="Take the lab down and up again ('./drover lab down', './drover lab up').",
        )


def _names(text: str) -> set[str]:
    return {line.strip() for line in text.splitlines() if line.strip()}

"""SSH keys of a lab: the controller's, each host's own identity, and each host's key for the other host."""

from pathlib import Path

from drover_lab.process import run, write_atomically
from drover_lab.topology import Topology


def folder(topology: Topology) -> Path:
    return topology.state.folder / "keys"


def controller_key(topology: Topology) -> Path:
    """The private key that may log in as root on every host of the lab."""
    return folder(topology) / "controller"


def known_hosts(topology: Topology) -> Path:
    return folder(topology) / "known_hosts"


def host_key(topology: Topology, host: str) -> Path:
    """What a host identifies itself with."""
    return folder(topology) / f"{host}.host"


def root_key(topology: Topology, host: str) -> Path:
    """What root on a host logs in with on the other hosts, for live migration."""
    return folder(topology) / f"{host}.root"


def public(key: Path) -> str:
    return key.with_name(f"{key.name}.pub").read_text()


def ensure(topology: Topology) -> None:
    """Makes the keys that are missing, and the list of known hosts."""
    folder(topology).mkdir(parents=True, exist_ok=True)
    folder(topology).chmod(0o700)
    lab = topology.state.name
    _ensure_key(controller_key(topology), f"controller@{lab}")
    for host in topology.hosts:
        _ensure_key(host_key(topology, host.name), f"{host.name}.{lab}")
    for host in topology.kvm_hosts:
        _ensure_key(root_key(topology, host.name), f"root@{host.name}.{lab}")
    lines = [
        f"{host.address},{host.name} {' '.join(public(host_key(topology, host.name)).split()[:2])}\n"
        for host in topology.hosts
    ]
    write_atomically(known_hosts(topology), "".join(lines))


def _ensure_key(path: Path, comment: str) -> None:
    """A key is only there with both its halves: ssh-keygen may have been killed between them."""
    half = path.with_name(f"{path.name}.pub")
    if path.exists() and half.exists():
        return
    path.unlink(missing_ok=True)
    half.unlink(missing_ok=True)
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)])

"""What a KVM host has for itself: the folders bound over the machine's own, and the configuration in them."""

import shutil
import uuid
from pathlib import Path

from drover_lab import definitions, keys
from drover_lab.process import write_atomically
from drover_lab.topology import LabHost, Topology

# In the host's folder -> where it is bound inside the host. /run is a tmpfs: what a dead host left there is gone.
BINDS = {
    "etc-libvirt": "/etc/libvirt",
    "etc-ssh": "/etc/ssh",
    "var-lib-libvirt": "/var/lib/libvirt",
    "var-cache-libvirt": "/var/cache/libvirt",
    "var-log-libvirt": "/var/log/libvirt",
    "root": "/root",
    "tmp": "/tmp",
    "var-tmp": "/var/tmp",
}
FILES = {"hosts": "/etc/hosts", "hostname": "/etc/hostname", "shadow": "/etc/shadow"}
NO_KVM = "no-kvm"
SMALL_POOL_BYTES = 64 * 1024 * 1024

LIBVIRTD_CONF = """\
host_uuid = "{uuid}"
listen_tls = 0
listen_tcp = 0
auth_unix_ro = "none"
auth_unix_rw = "none"
max_clients = 500
max_workers = 40
"""

QEMU_CONF = """\
# No security driver, cgroups or namespaces per guest: this host is itself a handful of namespaces.
security_driver = "none"
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
cgroup_controllers = []
namespaces = []
migration_host = "{address}"
migration_address = "{address}"
"""

SSHD_CONFIG = """\
Port 22
ListenAddress {address}
AddressFamily inet
HostKey /etc/ssh/ssh_host_ed25519_key
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
AllowTcpForwarding yes
AllowStreamLocalForwarding yes
StreamLocalBindUnlink yes
MaxSessions 200
MaxStartups 200
ClientAliveInterval 30
Subsystem sftp internal-sftp
PidFile none
"""

# sshd refuses a root whose account is locked, as it is on many machines; no password fits this entry.
SHADOW = "root:*:19000:0:99999:7:::\nsshd:*:19000:0:99999:7:::\n"


def write(topology: Topology, host: LabHost) -> None:
    """Writes what the host needs; what a running host keeps there (images, definitions) stays as it is."""
    for name in BINDS:
        (host.folder / name).mkdir(parents=True, exist_ok=True)
    for name in ("tmp", "var-tmp"):
        (host.folder / name).chmod(0o1777)
    for name in ("images", "small", "qemu/nvram"):
        (host.folder / "var-lib-libvirt" / name).mkdir(parents=True, exist_ok=True)
    (host.folder / "var-log-libvirt" / "qemu").mkdir(exist_ok=True)
    _write_libvirt(topology, host)
    _write_ssh(topology, host)
    _write_system(topology, host)


def _write_libvirt(topology: Topology, host: LabHost) -> None:
    folder = host.folder / "etc-libvirt"
    identity = uuid.uuid5(uuid.NAMESPACE_DNS, f"{host.name}.{topology.state.name}.lab.drover")
    write_atomically(folder / "libvirtd.conf", LIBVIRTD_CONF.format(uuid=identity))
    write_atomically(folder / "qemu.conf", QEMU_CONF.format(address=host.address))
    write_atomically(folder / "virtlogd.conf", "max_clients = 500\n")
    for name in definitions.NETWORKS:
        _write_object(folder, "qemu/networks", name, definitions.network(name))
    for name in definitions.POOLS:
        _write_object(folder, "storage", name, definitions.pool(name))


def _write_object(folder: Path, kind: str, name: str, definition: str) -> None:
    """Where libvirt keeps its networks and pools; it starts those that `autostart` links to."""
    write_atomically(folder / kind / f"{name}.xml", definition)
    link = folder / kind / "autostart" / f"{name}.xml"
    link.parent.mkdir(exist_ok=True)
    link.unlink(missing_ok=True)
    # The path is the one inside the host.
    link.symlink_to(f"{BINDS['etc-libvirt']}/{kind}/{name}.xml")


def _write_ssh(topology: Topology, host: LabHost) -> None:
    write_atomically(host.folder / "etc-ssh" / "sshd_config", SSHD_CONFIG.format(address=host.address))
    _copy_key(keys.host_key(topology, host.name), host, "etc-ssh/ssh_host_ed25519_key")
    (host.folder / "root/.ssh").mkdir(exist_ok=True)
    _copy_key(keys.root_key(topology, host.name), host, "root/.ssh/id_ed25519")
    others = [keys.root_key(topology, other.name) for other in topology.kvm_hosts if other.name != host.name]
    allowed = "".join(keys.public(key) for key in (keys.controller_key(topology), *others))
    (host.folder / "root").chmod(0o700)
    (host.folder / "root/.ssh").chmod(0o700)
    write_atomically(host.folder / "root/.ssh" / "authorized_keys", allowed, 0o600)
    write_atomically(host.folder / "root/.ssh" / "known_hosts", keys.known_hosts(topology).read_text())


def _copy_key(source: Path, host: LabHost, name: str) -> None:
    target = host.folder / name
    shutil.copyfile(f"{source}.pub", f"{target}.pub")
    write_atomically(target, source.read_text(), 0o600)


def _write_system(topology: Topology, host: LabHost) -> None:
    names = "".join(f"{other.address} {other.name}\n" for other in topology.hosts)
    write_atomically(host.folder / "hosts", f"127.0.0.1 localhost\n{names}")
    write_atomically(host.folder / NO_KVM, "")
    write_atomically(host.folder / "hostname", f"{host.name}\n")
    write_atomically(host.folder / "shadow", SHADOW, 0o640)

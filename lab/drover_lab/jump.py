"""The way into a host's isolated network where its platform gives none: an sshd with a leg in it.

A user has a small machine for that; here it is a process in the namespaces of the vCenter or the Hyper-V host.
"""

import shutil
from pathlib import Path

from drover_lab import keys
from drover_lab.host_files import SHADOW, SSHD_CONFIG
from drover_lab.process import write_atomically
from drover_lab.topology import LabHost, Topology

PORT = 22
FOLDERS = ("/run/sshd",)
_ALLOWED = "AuthorizedKeysFile /etc/ssh/authorized_keys\n"


def write(lab: Topology, where: LabHost) -> None:
    """What the sshd reads: the controller's key may log in."""
    folder = where.folder / "etc-ssh"
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / "sshd_config", SSHD_CONFIG.format(address=where.address) + _ALLOWED)
    write_atomically(folder / "ssh_host_ed25519_key", keys.host_key(lab, where.name).read_text(), 0o600)
    write_atomically(folder / "authorized_keys", keys.public(keys.controller_key(lab)), 0o600)
    write_atomically(where.folder / "shadow", SHADOW, 0o640)


def mounts(where: LabHost) -> list[list[str]]:
    return [
        ["--bind", str(where.folder / "etc-ssh"), "/etc/ssh"],
        ["--bind", str(where.folder / "shadow"), "/etc/shadow"],
    ]


def daemons() -> dict[str, list[str]]:
    program = shutil.which("sshd") or "/usr/sbin/sshd"
    return {"sshd": [str(Path(program)), "-D", "-e", "-f", "/etc/ssh/sshd_config"]}


def fields(lab: Topology, where: LabHost) -> dict[str, str]:
    """What the host's connection says of it."""
    return {
        "trial_jump": f"root@{where.address}:{PORT}",
        "trial_jump_key_file": str(keys.controller_key(lab)),
        "trial_jump_known_hosts_file": str(keys.known_hosts(lab)),
    }

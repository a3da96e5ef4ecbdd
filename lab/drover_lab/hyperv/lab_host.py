"""What a Hyper-V host of the lab runs: WinRM with the model of a host behind it, and an SMB server for its drives.

Both hosts share one folder, the world: each has its drives, sockets and settings in a folder of its own name there.
"""

import json
import socket
import sys
from pathlib import Path
from typing import Any

from drover_lab import definitions, identity, jump, kvm
from drover_lab.hyperv import control, samba
from drover_lab.hyperv.world.store import add_host
from drover_lab.process import write_atomically
from drover_lab.topology import HYPERV, LabHost, Topology

# Seen from inside: /srv is on every machine, and nothing of ours is there.
WORLD = "/srv"
LOGIN = samba.LOGIN
PORT = 5986
SMB_PORT = 445
# Each leads to the bridge of its name.
SWITCHES = ("production", "isolated")
DRIVES = ("C", "D")
_SECONDS = 2.0


def world(lab: Topology) -> Path:
    """What is WORLD inside, from outside."""
    return lab.state.folder / "hyperv"


def drives(lab: Topology, where: LabHost) -> Path:
    """Holds a folder for each drive letter, from outside."""
    return world(lab) / where.name / "drives"


def orders(lab: Topology, where: LabHost, logs: Path) -> dict[str, Any]:
    """What `host_init` does in the host's namespaces."""
    _write(lab, where)
    home = f"{WORLD}/{where.name}"
    winrm = ["/usr/bin/env", f"NTLM_USER_FILE={home}/ntlm-users", sys.executable, "-m", "drover_lab.hyperv"]
    return {
        "hostname": where.name,
        "mounts": [
            ["--bind", str(world(lab)), WORLD],
            ["-t", "tmpfs", "-o", "mode=755", "run", "/run"],
            ["-t", "sysfs", "sysfs", "/sys"],
            *jump.mounts(where),
        ],
        "folders": list(jump.FOLDERS),
        "settings": {"/proc/sys/net/ipv4/conf/all/arp_ignore": "1", "/proc/sys/net/ipv4/ip_forward": "0"},
        "logs": str(logs),
        "daemons": {
            "winrm": [*winrm, f"{home}/settings.json"],
            "smbd": [sys.executable, "-m", "drover_lab.hyperv.samba", f"{home}/samba"],
            **jump.daemons(),
        },
    }


def _write(lab: Topology, where: LabHost) -> None:
    identity.ensure(lab, where)
    jump.write(lab, where)
    add_host(world(lab), where.name)
    home = world(lab) / where.name
    home.chmod(0o700)
    password = identity.password(lab, where)
    samba.write(
        home / "samba",
        {letter: Path(WORLD, where.name, "drives", letter) for letter in DRIVES},
        password,
        address=where.address,
        port=SMB_PORT,
        seen_as=Path(WORLD, where.name, "samba"),
    )
    domains = ("", where.name.upper())
    write_atomically(home / "ntlm-users", "".join(f"{domain}:{LOGIN}:{password}\n" for domain in domains), 0o600)
    write_atomically(home / "certificate.pem", identity.certificate(lab, where).read_text())
    write_atomically(home / "key.pem", identity.private_key(lab, where).read_text(), 0o600)
    write_atomically(home / "settings.json", json.dumps(_settings(where), indent=2))


def _settings(where: LabHost) -> dict[str, Any]:
    home = f"{WORLD}/{where.name}"
    return {
        "name": where.name,
        "control": f"{home}/control.sock",
        "ports": [{"address": where.address, "port": PORT, "tls": True}],
        "runner": "drover_lab.hyperv.world.runner:HyperV",
        "runner_options": {
            "folder": WORLD,
            "name": where.name,
            "bridges": {name: name for name in SWITCHES},
            "firmware": definitions.firmware_files(),
            "accelerator": "kvm" if kvm.works() else "tcg",
        },
        "certificate": f"{home}/certificate.pem",
        "key": f"{home}/key.pem",
        "administrators": [LOGIN],
    }


def connection(lab: Topology, where: LabHost) -> dict[str, Any]:
    return {
        "id": where.connection_id,
        "conn_type": HYPERV,
        "host": where.address,
        "login": LOGIN,
        "password": identity.password(lab, where),
        "port": PORT,
        # The login goes on to the other host: Live Migration needs that.
        "extra": {"transport": "credssp", "ca_file": str(identity.authority(lab)), **jump.fields(lab, where)},
    }


def ask(lab: Topology, where: LabHost, order: str, **values: object) -> dict[str, Any]:
    """What no Hyper-V host offers. :raises ValueError: it refuses. :raises OSError: it does not run."""
    return control.ask(world(lab) / where.name / "control.sock", order, **values)


def answers(lab: Topology, where: LabHost) -> bool:
    """Whether all of it has begun to answer."""
    try:
        ask(lab, where, "status")
    except OSError:
        return False
    return all(_listens(where.address, port) for port in (PORT, SMB_PORT, jump.PORT))


def _listens(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), _SECONDS).close()
    except OSError:
        return False
    return True

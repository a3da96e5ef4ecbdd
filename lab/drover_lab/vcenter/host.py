"""What a vCenter's host runs: the program, told by a file who it is and what it has."""

import json
import uuid
from pathlib import Path
from typing import Any

from drover.errors import RetryableError
from drover_lab import definitions, identity, jump, kvm
from drover_lab.process import write_atomically
from drover_lab.topology import LabHost, Topology
from drover_lab.vcenter import control, program

MIB = 1024 * 1024
GIB = 1024 * MIB
# Seen from inside: /srv is on every machine, and nothing of ours is there.
HOME = "/srv"
LOGIN = "administrator@vsphere.local"
DATASTORES = {"datastore1": 64 * GIB, "datastore2": 64 * GIB, "small": 64 * MIB}
PORT_GROUPS = ("production", "isolated")
# The standard network leads to the same wire as the port group `production`.
BRIDGES = {"production": "production", "isolated": "isolated", "VM Network": "production"}


def home(where: LabHost) -> Path:
    """What is HOME inside, from outside."""
    return where.folder / "srv"


def datastore(where: LabHost, name: str) -> Path:
    """The folder that plays a datastore, from outside."""
    return home(where) / "datastores" / name


def orders(lab: Topology, where: LabHost, logs: Path) -> dict[str, Any]:
    """What `host_init` does in the host's namespaces."""
    built = program.ensure()
    _write(lab, where)
    return {
        "hostname": where.name,
        "mounts": [
            ["--bind", str(home(where)), HOME],
            ["-t", "tmpfs", "-o", "mode=755", "run", "/run"],
            ["-t", "sysfs", "sysfs", "/sys"],
            *jump.mounts(where),
        ],
        "folders": list(jump.FOLDERS),
        "settings": {"/proc/sys/net/ipv4/conf/all/arp_ignore": "1", "/proc/sys/net/ipv4/ip_forward": "0"},
        "logs": str(logs),
        "daemons": {"vcenter": [str(built), f"{HOME}/vcenter.json"], **jump.daemons()},
    }


def _write(lab: Topology, where: LabHost) -> None:
    identity.ensure(lab, where)
    jump.write(lab, where)
    for name in DATASTORES:
        datastore(where, name).mkdir(parents=True, exist_ok=True)
    home(where).chmod(0o700)
    write_atomically(home(where) / "certificate.pem", identity.certificate(lab, where).read_text())
    write_atomically(home(where) / "key.pem", identity.private_key(lab, where).read_text(), 0o600)
    write_atomically(home(where) / "vcenter.json", json.dumps(configuration(lab, where), indent=2), 0o600)


def configuration(lab: Topology, where: LabHost) -> dict[str, Any]:
    code, variables = definitions.firmware_files()
    return {
        "name": where.name,
        "listen": f"{where.address}:443",
        "certificate": f"{HOME}/certificate.pem",
        "key": f"{HOME}/key.pem",
        "login": LOGIN,
        "password": identity.password(lab, where),
        "instance_uuid": str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{where.name}.{lab.state.name}.lab.drover")),
        "state": HOME,
        "datacenter": f"site-{where.site}",
        "cluster": f"cluster-{where.site}",
        "hosts": [f"esx-{where.site}{number}" for number in (1, 2)],
        "datastores": [
            {"name": name, "folder": f"{HOME}/datastores/{name}", "capacity": size} for name, size in DATASTORES.items()
        ],
        "bridges": BRIDGES,
        "port_groups": list(PORT_GROUPS),
        "accelerator": "kvm" if kvm.works() else "tcg",
        "firmware_code": code,
        "firmware_vars": variables,
    }


def answers(where: LabHost) -> bool:
    """Whether it has begun to answer."""
    try:
        control.ask(where, "ping")
    except RetryableError:
        return False
    return True

"""The host itself: what it has, its switches, and where its disks can lie.

A storage pool is a volume of the host, called by its place: `D:` or `C:\\ClusterStorage\\Volume1`. Disks upon a share
of another server are in the pool `\\\\server\\share`, which can be a source but not a target.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import PureWindowsPath
from typing import Any

from drover.hypervisors.hyperv import scripts
from drover.hypervisors.hyperv.session import Session
from drover.model import Firmware, Host, Network, StoragePool

_USUAL = PureWindowsPath("Hyper-V", "Virtual Hard Disks")


def host(session: Session) -> Host:
    return host_of(scripts.run_one(session, "host"))


def host_of(answer: Any) -> Host:
    """:param answer: of the script `host`."""
    return Host(
        name=answer["name"],
        hypervisor="hyperv",
        version=answer["version"],
        cpus=answer["processors"],
        cpu_model=answer["processorModel"].strip() or None,
        memory=int(answer["memory"]),
        memory_free=int(answer["memoryFreeKiB"]) << 10,
        clock=clock(answer["clock"]),
        machine_types=tuple(answer["versions"]),
        firmwares=(Firmware.BIOS, Firmware.UEFI),
    )


def clock(text: str) -> float:
    """.NET writes seven digits after the seconds, and Python reads six."""
    whole, _, rest = text.partition(".")
    return datetime.fromisoformat(f"{whole}.{rest.rstrip('Z')[:6]:0<6}+00:00").timestamp()


def networks(session: Session) -> list[Network]:
    """A private switch joins machines to each other and to nothing else; an internal one also to the host."""
    found = [
        Network(one["name"], True, one["adapter"] or None, isolated=one["type"] == "Private")
        for one in scripts.run(session, "switches")
    ]
    return sorted(found, key=lambda network: network.name)


def pools(session: Session) -> list[StoragePool]:
    return pools_of(scripts.run(session, "volumes"), scripts.run_one(session, "host")["diskFolder"])


def pools_of(volumes: Sequence[Any], disk_folder: str) -> list[StoragePool]:
    """:param volumes: answer of the script `volumes`. :param disk_folder: where the host puts disks by itself."""
    names = [pool_name(one["path"]) for one in volumes]
    usual = pool_of(disk_folder, names)
    return sorted(
        (
            StoragePool(
                name=name,
                path=disk_folder if name == usual else str(PureWindowsPath(one["path"]) / _USUAL),
                active=True,
                capacity=int(one["capacity"] or 0),
                available=int(one["free"] or 0),
            )
            for name, one in zip(names, volumes, strict=True)
            # A volume without a place in the file system is called by its id alone.
            if not one["path"].startswith("\\\\?\\")
        ),
        key=lambda pool: pool.name,
    )


def pool_name(path: str) -> str:
    return path.rstrip("\\")


def pool_of(path: str, names: Sequence[str]) -> str | None:
    """The pool that this file lies in: the deepest one above it; None where there is none."""
    if path.startswith("\\\\"):
        return pool_name(PureWindowsPath(path).drive)
    low = path.lower()
    above = [name for name in names if low.startswith(f"{name.lower()}\\")]
    return max(above, key=len, default=None)

"""What a host offers: itself, its networks and its storage pools."""

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drover.hypervisors.libvirt.connection import Connection
from drover.model import Firmware, Host, Network, StoragePool

if TYPE_CHECKING:
    import libvirt

# Each port of each bridge: bridge, port, whether it is a guest's tap.
_PORTS = """
for b in /sys/class/net/*/bridge; do
  [ -d "$b" ] || continue
  n=${b%/bridge}; printf '%s - -\\n' "${n##*/}"
  for p in "$n"/brif/*; do
    [ -e "$p" ] || continue
    t=port; [ -e "/sys/class/net/${p##*/}/tun_flags" ] && t=tap
    printf '%s %s %s\\n' "${n##*/}" "${p##*/}" "$t"
  done
done
"""


def host(connection: Connection) -> Host:
    clock = float(connection.ssh.check(["date", "+%s.%N"]))
    with connection.errors():
        virt = connection.libvirt
        model, memory_mib, cpus, *_ = virt.getInfo()
        version = virt.getVersion()
        capabilities = ET.fromstring(virt.getCapabilities())
        arch = capabilities.findtext("host/cpu/arch") or str(model)
        guest = capabilities.find(f"guest/arch[@name='{arch}']")
        cells = capabilities.find("host/topology/cells")
        return Host(
            name=connection.name,
            hypervisor="libvirt",
            version=f"QEMU {_dotted(version)}, libvirt {_dotted(virt.getLibVersion())}",
            cpus=int(cpus),
            cpu_model=capabilities.findtext("host/cpu/model"),
            memory=int(memory_mib) << 20,
            memory_free=_free_memory(virt),
            clock=clock,
            machine_types=tuple(item.text or "" for item in guest.iter("machine")) if guest is not None else (),
            firmwares=_firmwares(virt, arch),
            numa_nodes=len(cells.findall("cell")) if cells is not None else None,
        )


def domain_type(connection: Connection) -> str:
    """How new machines run here: with the processor's help, or emulated where it has none."""
    with connection.errors():
        capabilities = ET.fromstring(connection.libvirt.getCapabilities())
    found = capabilities.findall("guest/arch[@name='x86_64']/domain")
    return "kvm" if any(domain.get("type") == "kvm" for domain in found) else "qemu"


def _free_memory(virt: "libvirt.virConnect") -> int:
    """Bytes that a new machine could have: what the host uses as a cache is given back when it is needed."""
    stats: dict[str, int] = virt.getMemoryStats(-1)
    return (stats["free"] + stats.get("buffers", 0) + stats.get("cached", 0)) << 10


def _dotted(version: int) -> str:
    return f"{version // 1_000_000}.{version // 1000 % 1000}.{version % 1000}"


def _firmwares(virt: "libvirt.virConnect", arch: str) -> tuple[Firmware, ...]:
    domain = ET.fromstring(virt.getDomainCapabilities(None, arch, "q35" if arch == "x86_64" else None, None, 0))
    values = {value.text for value in domain.findall("os/enum[@name='firmware']/value")}
    found = [Firmware.UEFI] if "efi" in values else []
    # libvirt lists BIOS only where a firmware descriptor names it; on x86 QEMU always brings its own.
    return (Firmware.BIOS, *found) if arch in ("x86_64", "i686") or "bios" in values else tuple(found)


def pools(connection: Connection) -> list[StoragePool]:
    """Every pool, with what is free now."""
    import libvirt

    found = []
    with connection.errors():
        for pool in connection.libvirt.listAllStoragePools(0):
            active = bool(pool.isActive())
            if active:
                with suppress(libvirt.libvirtError):  # Busy with a volume: its last figures are good enough.
                    pool.refresh(0)
            _, capacity, _, available = pool.info()
            path = ET.fromstring(pool.XMLDesc(0)).findtext("target/path") or ""
            found.append(StoragePool(pool.name(), path.rstrip("/"), active, int(capacity), int(available)))
    return found


def networks(connection: Connection) -> list[Network]:
    """libvirt's networks, and bridges of the host that none of them stands for."""
    ports = bridge_ports(connection)
    with connection.errors():
        found = [_network(network, ports) for network in connection.libvirt.listAllNetworks(0)]
    taken = {network.bridge for network in found}
    bare = [Network(name, True, name, not uplinks) for name, uplinks in ports.items() if name not in taken]
    return found + bare


def _network(network: "libvirt.virNetwork", ports: dict[str, list[str]]) -> Network:
    root = ET.fromstring(network.XMLDesc(0))
    bridge_element, forward = root.find("bridge"), root.find("forward")
    bridge = bridge_element.get("name") if bridge_element is not None else None
    mode = forward.get("mode", "nat") if forward is not None else None
    # Isolated is what can be shown to be: no forwarding, a bridge that is there, nothing on it but guests.
    isolated = mode in (None, "bridge") and bridge in ports and not ports[bridge]
    return Network(network.name(), bool(network.isActive()), bridge, isolated)


@dataclass(frozen=True, slots=True)
class Deals:
    """What the host's networks give to guests.

    :param leases: address by MAC. :param handed: networks whose adapters are devices of the host (SR-IOV).
    """

    leases: Mapping[str, str]
    handed: frozenset[str]


def deals(connection: Connection) -> Deals:
    import libvirt

    leases: dict[str, str] = {}
    handed: set[str] = set()
    with connection.errors():
        for network in connection.libvirt.listAllNetworks(0):
            root = ET.fromstring(network.XMLDesc(0))
            if root.find("forward[@mode='hostdev']") is not None:
                handed.add(network.name())
            if network.isActive() and root.find("ip/dhcp") is not None:
                with suppress(libvirt.libvirtError):  # An address that nobody tells is not known, and a plan says so.
                    leases |= {str(one["mac"]).lower(): str(one["ipaddr"]) for one in network.DHCPLeases()}
    return Deals(leases, frozenset(handed))


def bridge_ports(connection: Connection) -> dict[str, list[str]]:
    """The host's bridges, each with its ports that are no guest's tap: its ways out."""
    bridges: dict[str, list[str]] = {}
    for line in connection.ssh.check(["sh", "-c", _PORTS]).decode().splitlines():
        bridge, port, kind = line.split(" ")
        bridges.setdefault(bridge, [])
        if kind == "port":
            bridges[bridge].append(port)
    return bridges

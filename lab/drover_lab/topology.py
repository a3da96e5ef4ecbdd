"""Who is where in a lab, and what it is called there. Everything follows from the lab's name and slot."""

from dataclasses import dataclass
from pathlib import Path

from drover_lab import slots
from drover_lab.state import LabState

SITES = ("a", "b")
LIBVIRT, VSPHERE, HYPERV = "libvirt", "vsphere", "hyperv"
HYPERVISORS = (LIBVIRT, VSPHERE, HYPERV)
# What their names begin with, and the last part of the first one's address.
_SHORT = {LIBVIRT: ("kvm", 11), VSPHERE: ("vc", 21), HYPERV: ("hv", 31)}


def kind_of(host: str) -> str:
    """What a host of this name runs: `kvm-a` is libvirt's."""
    return next(kind for kind, (short, _) in _SHORT.items() if host.startswith(f"{short}-"))


@dataclass(frozen=True, slots=True)
class LabHost:
    """A KVM host, a vCenter or a Hyper-V host.

    :param kind: the Airflow type of its connection. :param folder: what is private to it, as seen from outside.
    :param namespace: its network's.
    """

    name: str
    site: str
    kind: str
    address: str
    connection_id: str
    namespace: str
    site_namespace: str
    folder: Path


@dataclass(frozen=True, slots=True)
class Topology:
    state: LabState

    @property
    def isolated_address(self) -> str:
        """Of each host on its own isolated network. The same at both: these networks never meet."""
        return str(slots.production(self.state.slot)[2])

    @property
    def management_interface(self) -> str:
        return f"drover{self.state.slot}m"

    @property
    def production_interface(self) -> str:
        return f"drover{self.state.slot}p"

    def guest_address(self, number: int) -> str:
        return str(slots.production(self.state.slot)[20 + number])

    def guest_mac(self, number: int) -> str:
        return f"52:54:00:d0:{self.state.slot:02x}:{number:02x}"

    def namespace(self, member: str) -> str:
        return f"drover-{self.state.name}.{member}"

    def site_namespace(self, site: str) -> str:
        return self.namespace(f"site-{site}")

    @property
    def namespaces(self) -> tuple[str, ...]:
        return (*(self.site_namespace(site) for site in SITES), *(host.namespace for host in self.hosts))

    @property
    def hosts(self) -> tuple[LabHost, ...]:
        """All of them, whatever they run."""
        return tuple(
            self._host(kind, index, site)
            for kind in HYPERVISORS
            if kind in self.state.hypervisors
            for index, site in enumerate(SITES)
        )

    @property
    def kvm_hosts(self) -> tuple[LabHost, ...]:
        return tuple(host for host in self.hosts if host.kind == LIBVIRT)

    @property
    def vcenters(self) -> tuple[LabHost, ...]:
        return tuple(host for host in self.hosts if host.kind == VSPHERE)

    @property
    def hyperv_hosts(self) -> tuple[LabHost, ...]:
        return tuple(host for host in self.hosts if host.kind == HYPERV)

    def host(self, name: str) -> LabHost:
        return next(host for host in self.hosts if host.name == name)

    def _host(self, kind: str, index: int, site: str) -> LabHost:
        short, first = _SHORT[kind]
        name = f"{short}-{site}"
        return LabHost(
            name=name,
            site=site,
            kind=kind,
            address=str(slots.management(self.state.slot)[first + index]),
            connection_id=f"lab_{short}_{site}",
            namespace=self.namespace(name),
            site_namespace=self.site_namespace(site),
            folder=self.state.folder / "hosts" / name,
        )

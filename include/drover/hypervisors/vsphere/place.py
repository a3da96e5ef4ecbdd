"""Where a machine goes: host, resource pool, folder, datastores and networks of a vCenter, found by their labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from drover.errors import OperatorNeededError
from drover.hypervisors.port import TargetSettings
from drover.hypervisors.vsphere import nodes
from drover.hypervisors.vsphere import site as offers
from drover.hypervisors.vsphere.collector import Found, retrieve
from drover.hypervisors.vsphere.session import Session
from drover.hypervisors.vsphere.surroundings import Surroundings, surroundings
from drover.model import Host, StoragePool, VirtualMachine

_HOST = ("name", "parent", "datastore", "network")


@dataclass(frozen=True, slots=True)
class Store:
    """A datastore. :param name: as the server keeps it, and as paths name it: `[name] folder/file`."""

    id: str
    name: str
    pool: StoragePool


@dataclass(frozen=True, slots=True)
class Esx:
    """A host. :param compute: id of its cluster, or of what stands for it alone."""

    id: str
    name: str
    compute: str
    compute_name: str
    datacenter: str
    facts: Host
    stores: frozenset[str]
    networks: frozenset[str]

    def offered_as(self, wanted: str | None) -> bool:
        """:param wanted: a host or a cluster; None for any."""
        return wanted in (None, self.name, self.compute_name)

    @property
    def machine_types(self) -> Sequence[str]:
        return self.facts.machine_types


@dataclass(frozen=True)
class Site:
    """What a vCenter offers to a machine that comes. :param chosen: the connection's own `compute`, if any."""

    name: str
    stores: Mapping[str, Store]
    networks: Mapping[str, str]
    hosts: tuple[Esx, ...]
    around: Surroundings
    chosen: str | None = None
    datacenter: str | None = None

    def datastore(self, label: str) -> Store:
        found = self.stores.get(label)
        if found is None or not found.pool.active:
            state = "cannot be used now" if found else "does not exist"
            raise OperatorNeededError(
                f"The datastore '{label}' {state} on {self.name}.", remedy="Mount it, or map another one."
            )
        return found

    def network(self, label: str) -> str:
        """Its id."""
        if label not in self.networks:
            raise OperatorNeededError(
                f"The network '{label}' does not exist on {self.name}.", remedy="Make it, or map another one."
            )
        return self.networks[label]

    def host_for(self, machine: VirtualMachine, settings: TargetSettings) -> Esx:
        """The host that was named, or of those that were, the one with the most memory free.

        :raises OperatorNeededError: none can take the machine; says why.
        """
        wanted = settings.host or self.chosen
        there = [host for host in self.hosts if host.offered_as(wanted)]
        if self.datacenter is not None:
            there = [host for host in there if self.around.places[host.datacenter].name == self.datacenter]
        if not there:
            raise OperatorNeededError(
                f"There is no ESXi host or cluster '{wanted or self.datacenter}' on {self.name}.",
                remedy="Correct 'host' in the wave, or 'compute' and 'datacenter' in the connection.",
            )
        usable = [host for host in there if not host.facts.in_maintenance]
        fitting = [host for host in usable if self._misses(host, machine, settings) is None]
        if not fitting:
            why = self._misses(usable[0], machine, settings) if usable else "is in maintenance or does not answer"
            names = ", ".join(sorted(host.name for host in usable or there))
            raise OperatorNeededError(
                f"No ESXi host on {self.name} can take machine '{machine.name}': {names} {why}.",
                remedy="Bring that host there, or name another one in the wave.",
            )
        return max(fitting, key=lambda host: (host.facts.memory_free, host.name))

    def _misses(self, host: Esx, machine: VirtualMachine, settings: TargetSettings) -> str | None:
        labels = {settings.storage.get(disk.pool or "") for disk in machine.disks} - {None}
        for label in sorted(label for label in labels if label is not None):
            if self.datastore(label).id not in host.stores:
                return f"does not see the datastore '{label}'"
        labels = {settings.networks.get(nic.network) for nic in machine.nics} - {None}
        for label in sorted(label for label in labels if label is not None):
            if self.network(label) not in host.networks:
                return f"is not on the network '{label}'"
        return None


def survey(session: Session) -> Site:
    """Asks the vCenter."""
    found = list(retrieve(session, {"HostSystem": _HOST}))
    around = surroundings(session, [one.id for one in found])
    facts = {host.name: host for host in offers.hosts(session)}
    pools = {pool.name: pool for pool in offers.pools(session)}
    stores = {
        label: Store(one, around.places[one].kept, pools[label])
        for one, label in around.datastores.items()
        if label in pools
    }
    networks = {label: one for one, label in around.networks.items() if one in around.places}
    extra = session.spec.extra
    return Site(
        name=session.name,
        stores=stores,
        networks=networks,
        hosts=tuple(_esx(one, around, facts[around.host(one.id)]) for one in found),
        around=around,
        chosen=str(extra["compute"]) if extra.get("compute") else None,
        datacenter=str(extra["datacenter"]) if extra.get("datacenter") else None,
    )


def _esx(found: Found, around: Surroundings, facts: Host) -> Esx:
    compute = found.text("parent") or ""
    return Esx(
        id=found.id,
        name=facts.name,
        compute=compute,
        compute_name=around.places[compute].name if compute in around.places else "",
        datacenter=around.above(found.id, "Datacenter") or "",
        facts=facts,
        stores=frozenset(nodes.text(one) or "" for one in nodes.listed(found.node("datastore"))),
        networks=frozenset(nodes.text(one) or "" for one in nodes.listed(found.node("network"))),
    )

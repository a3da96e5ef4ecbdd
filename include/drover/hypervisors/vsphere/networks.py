"""Networks: standard and distributed port groups, and which of them have no way out."""

from dataclasses import dataclass

from drover.hypervisors.vsphere import nodes
from drover.hypervisors.vsphere.collector import Found, retrieve
from drover.hypervisors.vsphere.nodes import Node
from drover.hypervisors.vsphere.session import Session
from drover.hypervisors.vsphere.surroundings import surroundings
from drover.model import Network

_SWITCH = "config.distributedVirtualSwitch"
_UPLINKS = "config.uplinkPortgroup"
_WANTED = {
    "Network": ["summary.accessible"],
    "DistributedVirtualPortgroup": [_SWITCH, "config.defaultPortConfig"],
    "DistributedVirtualSwitch": ["uuid", _UPLINKS],
    "HostSystem": ["config.network.vswitch", "config.network.portgroup", "config.network.proxySwitch"],
}
_TRUNK = "4095"


@dataclass(frozen=True, slots=True)
class _Group:
    """A port group on one switch. :param vlan: None where it is no single one. :param uplinks: of its own teaming."""

    vlan: str | None
    uplinks: bool


def networks(session: Session) -> list[Network]:
    """Every network that machines can be on, ordered by label."""
    around = surroundings(session)
    found = list(retrieve(session, _WANTED))
    hosts = [one for one in found if one.kind == "HostSystem"]
    switches = {one.id: one for one in found if one.kind == "DistributedVirtualSwitch"}
    ways_out = {one: _distributed_ports(switches[one].text("uuid"), hosts) for one in switches}
    uplinks = {nodes.text(one) for switch in switches.values() for one in nodes.listed(switch.node(_UPLINKS))}
    groups = [one for one in found if one.kind == "DistributedVirtualPortgroup" and one.id not in uplinks]
    listed = []
    for one in found:
        if one.kind == "Network":
            name = around.places[one.id].name if one.id in around.places else ""
            active = one.text("summary.accessible") != "false"
            switch, isolated = _standard([host.properties for host in hosts], name)
            listed.append(Network(around.networks.get(one.id, name), active, switch, isolated))
    for one in groups:
        owner = one.text(_SWITCH)
        beside = [_distributed(other) for other in groups if other.id != one.id and other.text(_SWITCH) == owner]
        isolated = ways_out.get(owner or "") == 0 or _alone(_distributed(one), beside)
        named = around.places[owner].name if owner is not None and owner in around.places else None
        listed.append(Network(around.networks.get(one.id, one.id), True, named, isolated))
    return sorted(listed, key=lambda network: network.name)


def _alone(own: _Group, beside: list[_Group]) -> bool:
    """No uplink, and nobody on the same switch shares its VLAN: what is shown to have no way out."""
    if own.uplinks or own.vlan is None:
        return False
    return all(other.vlan is not None and other.vlan not in (own.vlan, _TRUNK) for other in beside)


def _distributed_ports(uuid: str | None, hosts: list[Found]) -> int | None:
    """How many physical adapters the hosts give to this switch; None where no host says that it takes part."""
    count: int | None = None
    for host in hosts:
        for proxy in nodes.listed(host.node("config.network.proxySwitch")):
            if nodes.text(proxy, "dvsUuid") == uuid:
                count = (count or 0) + len(nodes.children(proxy, "pnic"))
    return count


def _distributed(group: Found) -> _Group:
    settings = group.node("config.defaultPortConfig")
    vlan = nodes.child(settings, "vlan")
    one = nodes.kind(vlan) == "VmwareDistributedVirtualSwitchVlanIdSpec"
    order = nodes.child(settings, "uplinkTeamingPolicy/uplinkPortOrder")
    # Inherited from the switch, or not said: then it uses the switch's uplinks.
    own = order is not None and nodes.flag(order, "inherited") is False
    used = bool(nodes.children(order, "activeUplinkPort") or nodes.children(order, "standbyUplinkPort"))
    return _Group(nodes.text(vlan, "vlanId") or "0" if one else ("0" if vlan is None else None), not own or used)


def _standard(hosts: list[dict[str, Node]], name: str) -> tuple[str | None, bool]:
    """The switch of a standard port group, and whether it is isolated on every host that has it."""
    switch, judged = None, []
    for properties in hosts:
        ports = {nodes.text(one, "key"): one for one in nodes.listed(properties.get("config.network.vswitch"))}
        groups = nodes.listed(properties.get("config.network.portgroup"))
        for group in groups:
            if nodes.text(group, "spec/name") != name:
                continue
            key = nodes.text(group, "vswitch")
            switch = nodes.text(group, "spec/vswitchName") or switch
            beside = [_group(one) for one in groups if one is not group and nodes.text(one, "vswitch") == key]
            wired = key not in ports or bool(nodes.children(ports[key], "pnic"))
            judged.append(not wired or _alone(_group(group), beside))
    return switch, bool(judged) and all(judged)


def _group(group: Node) -> _Group:
    """A standard port group; what it does not say itself, it has from its switch, and that uses its uplinks."""
    vlan = nodes.text(group, "spec/vlanId") or "0"
    order = nodes.child(group, "spec/policy/nicTeaming/nicOrder")
    used = bool(nodes.children(order, "activeNic") or nodes.children(order, "standbyNic"))
    return _Group(None if vlan == _TRUNK else vlan, order is None or used)

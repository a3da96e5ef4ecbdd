"""What machines refer to by ids: hosts, networks, datastores and clusters, read in one call and kept for a while."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from drover.hypervisors.vsphere import nodes
from drover.hypervisors.vsphere.collector import Found, retrieve
from drover.hypervisors.vsphere.names import unescape
from drover.hypervisors.vsphere.session import Session

# Seconds. An id that is not known is looked for anew at once.
_KEPT = 300.0
_KEY = "surroundings"
_FIELDS = "CustomFieldsManager"
_RULES = (
    "configurationEx.rule",
    "configurationEx.group",
    "configurationEx.drsVmConfig",
    "configurationEx.dasVmConfig",
)
_WANTED = {
    "Datacenter": ["name", "parent"],
    "Folder": ["name", "parent"],
    "HostSystem": ["name", "parent"],
    "ComputeResource": ["name", "parent"],
    "ClusterComputeResource": ["name", "parent", *_RULES],
    "Datastore": ["name", "parent"],
    "Network": ["name", "parent"],
    "DistributedVirtualPortgroup": ["name", "parent", "key", "config.distributedVirtualSwitch"],
    "DistributedVirtualSwitch": ["name", "parent"],
}


@dataclass(frozen=True, slots=True)
class Place:
    """One object of the inventory. :param parent: its id, None at the top. :param kind: as the API names it.

    :param kept: its name as the server keeps it, which paths and addresses want; `name` is for people (see names.py).
    """

    name: str
    kind: str
    parent: str | None
    kept: str = ""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """:param places: by id. :param networks: label by id, and by a port group's key. :param datastores: label by id.

    A label is the name; where two have the same, with its switch's or datacenter's name in front.

    :param rules: the words for `VirtualMachine.devices` about clusters' rules, by the machine's id.
    :param attributes: names of custom attributes, by key.
    """

    places: Mapping[str, Place]
    networks: Mapping[str, str]
    datastores: Mapping[str, str]
    rules: Mapping[str, tuple[str, ...]]
    attributes: Mapping[str, str]
    read: float

    def host(self, host_id: str | None) -> str:
        return self.places[host_id].name if host_id is not None and host_id in self.places else host_id or ""

    def path(self, place_id: str) -> str:
        """The inventory path as people read it: `site-a/vm/prod`."""
        return "/".join(place.name for place in self._way(place_id))

    def inventory_path(self, place_id: str) -> str:
        """The same as the server reads it, which can tell a name with a slash from a folder and what is in it."""
        return "/".join(place.kept for place in self._way(place_id))

    def _way(self, place_id: str) -> list[Place]:
        """From the top, whose own name nobody uses."""
        found: list[Place] = []
        step: str | None = place_id
        while step is not None and step in self.places:
            found.append(self.places[step])
            step = self.places[step].parent
        return found[::-1][1:] if len(found) > 1 else found

    def above(self, place_id: str | None, kind: str) -> str | None:
        """The id of the nearest object of this kind at or above; None where there is none."""
        while place_id is not None and place_id in self.places:
            if self.places[place_id].kind == kind:
                return place_id
            place_id = self.places[place_id].parent
        return None


def surroundings(session: Session, known: Iterable[str | None] = ()) -> Surroundings:
    """:param known: ids that must be in it; where one is not, everything is read anew."""
    kept: Surroundings | None = session.memory.get(_KEY)
    if kept is not None and time.monotonic() - kept.read < _KEPT:
        there = kept.places.keys() | kept.networks.keys()
        if all(one is None or one in there for one in known):
            return kept
    fresh = _read(session)
    session.memory[_KEY] = fresh
    return fresh


def _read(session: Session) -> Surroundings:
    found = list(retrieve(session, _WANTED))
    root = session.content.rootFolder._moId
    places = {root: Place("", "Folder", None)}
    for one in found:
        kept = one.text("name") or ""
        places[one.id] = Place(unescape(kept), one.kind, one.text("parent"), kept)
    switches = {one.id: one.text("config.distributedVirtualSwitch") for one in found}
    datacenters = {one: _datacenter(places, one) for one in places}
    networks = _labels(
        {one.id: switches.get(one.id) or datacenters.get(one.id) for one in found if _is_network(one)}, places
    )
    keys = {key: networks[one.id] for one in found if _is_network(one) and (key := one.text("key"))}
    stores = _labels({one.id: datacenters.get(one.id) for one in found if one.kind == "Datastore"}, places)
    rules: dict[str, list[str]] = {}
    for one in found:
        for machine, word in _rule_words(one):
            rules.setdefault(machine, []).append(word)
    for machine, word in _unreadable_rules(session, found, places):
        rules.setdefault(machine, []).append(word)
    words = {machine: tuple(sorted(set(mine))) for machine, mine in rules.items()}
    return Surroundings(places, {**keys, **networks}, stores, words, _attributes(session), time.monotonic())


def _attributes(session: Session) -> dict[str, str]:
    manager = session.content.customFieldsManager
    if manager is None:  # A single ESXi host has none.
        return {}
    known = retrieve(session, {_FIELDS: ["field"]}, [(_FIELDS, manager._moId)])
    fields = [field for one in known for field in nodes.listed(one.node("field"))]
    return {nodes.text(field, "key") or "": nodes.text(field, "name") or "" for field in fields}


def _is_network(found: Found) -> bool:
    return found.kind in ("Network", "DistributedVirtualPortgroup", "OpaqueNetwork")


def _datacenter(places: Mapping[str, Place], place_id: str | None) -> str | None:
    while place_id is not None and place_id in places:
        if places[place_id].kind == "Datacenter":
            return place_id
        place_id = places[place_id].parent
    return None


def _labels(qualifiers: Mapping[str, str | None], places: Mapping[str, Place]) -> dict[str, str]:
    """:param qualifiers: id to the id of what tells two of one name apart."""
    count = Counter(places[one].name for one in qualifiers)
    return {
        one: f"{places[other].name}/{places[one].name}"
        if other is not None and other in places and count[places[one].name] > 1
        else places[one].name
        for one, other in qualifiers.items()
    }


def _unreadable_rules(
    session: Session, found: Iterable[Found], places: Mapping[str, Place]
) -> Iterable[tuple[str, str]]:
    """Machine's id and word, of each in a cluster whose rules the user may not see: `cluster-unreadable <cluster>`."""
    silent = {one.id: places[one.id].name for one in found if any(path in one.missing for path in _RULES)}
    if not silent:
        return
    for host in retrieve(session, {"HostSystem": ["parent", "vm"]}):
        cluster = silent.get(host.text("parent") or "")
        for machine in nodes.listed(host.node("vm")) if cluster is not None else ():
            yield nodes.text(machine) or "", f"cluster-unreadable {cluster}"


def _rule_words(cluster: Found) -> Iterable[tuple[str, str]]:
    """Machine's id and word: `cluster-rule <name>`, `cluster-override drs`, `cluster-override ha`."""
    known = nodes.listed(cluster.node("configurationEx.group"))
    groups = {nodes.text(group, "name"): nodes.children(group, "vm") for group in known}
    for rule in nodes.listed(cluster.node("configurationEx.rule")):
        # One that ties machines to hosts names a group of them.
        for machine in nodes.children(rule, "vm") or groups.get(nodes.text(rule, "vmGroupName"), []):
            yield nodes.text(machine) or "", f"cluster-rule {nodes.text(rule, 'name') or '?'}"
    for path, what in (("configurationEx.drsVmConfig", "drs"), ("configurationEx.dasVmConfig", "ha")):
        for own in nodes.listed(cluster.node(path)):
            yield nodes.text(own, "key") or "", f"cluster-override {what}"

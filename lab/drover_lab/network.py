"""The lab's wires: a namespace per site with two switches, a line between the sites, and a namespace per host.

    controller --+                                                      (root namespace)
                 |
    [site-a: management, production] ==tbf== lines ==tbf== [site-b: management, production]
                 |                                                      |
    [kvm-a: eth0, production, isolated]                   [kvm-b: eth0, production, isolated]
    [vc-a:  eth0, production, isolated]                   [vc-b:  eth0, production, isolated]
    [hv-a:  eth0, production, isolated]                   [hv-b:  eth0, production, isolated]

Each step looks first and makes only what is missing, so that a half-made network is completed.
"""

import contextlib
import os
import re
from pathlib import Path

from drover.errors import BadInputError
from drover_lab import slots
from drover_lab.process import run
from drover_lab.topology import SITES, LabHost, Topology

NETNS_FOLDER = Path("/run/netns")
SWITCHES = ("management", "production")
_UNITS = {"kbit": 1_000, "mbit": 1_000_000, "gbit": 1_000_000_000}


def bits_per_second(rate: str) -> int:
    """:raises BadInputError: it is no rate as `tc` writes it."""
    match = re.fullmatch(r"([1-9][0-9]*)(kbit|mbit|gbit)", rate)
    if not match:
        raise BadInputError(f"{rate!r} is not a rate.", remedy="Write it like 800mbit, 500kbit or 1gbit.")
    return int(match[1]) * _UNITS[match[2]]


def ensure(topology: Topology) -> None:
    """Completes the lab's network. Running it again changes nothing but the line's rate."""
    for namespace in topology.namespaces:
        _ensure_namespace(namespace)
    for site in SITES:
        for switch in SWITCHES:
            _ensure_bridge(topology.site_namespace(site), switch)
    _ensure_lines(topology)
    for host in topology.hosts:
        _ensure_host(topology, host)
    _ensure_controller(topology)


def remove(topology: Topology) -> None:
    """Removes every namespace and interface of the lab; what is not there is no matter."""
    for interface in (topology.management_interface, topology.production_interface):
        run(["ip", "link", "delete", interface], check=False)
    for namespace in topology.namespaces:
        _remove_namespace(namespace)
    # `ip netns` leaves its folder mounted upon itself once it has made it; without namespaces nobody misses it.
    if NETNS_FOLDER.is_dir() and not any(NETNS_FOLDER.iterdir()):
        run(["umount", str(NETNS_FOLDER)], check=False)
        with contextlib.suppress(OSError):
            NETNS_FOLDER.rmdir()


def namespace_inode(namespace: str) -> int | None:
    """Which namespace the name stands for; two names of one namespace have the same number."""
    try:
        return os.stat(NETNS_FOLDER / namespace).st_ino
    except FileNotFoundError:
        return None


def set_link_rate(topology: Topology, rate: str) -> None:
    """Limits the lines between the sites, each way, from now on. :param rate: as `tc` writes it."""
    burst = max(256 * 1024, bits_per_second(rate) // 8 // 100)
    for site in SITES:
        for switch in SWITCHES:
            run(
                ["tc", "-n", topology.site_namespace(site), "qdisc", "replace", "dev", f"line-{switch[0]}", "root"]
                + ["handle", "1:", "tbf", "rate", rate, "burst", str(burst), "latency", "50ms"]
            )


def _ensure_namespace(namespace: str) -> None:
    if run(["ip", "-n", namespace, "link", "show", "lo"], check=False).returncode != 0:
        # A killed `ip netns add` leaves the file without the namespace mounted on it.
        _remove_namespace(namespace)
        run(["ip", "netns", "add", namespace])
    run(["ip", "-n", namespace, "link", "set", "lo", "up"])


def _remove_namespace(namespace: str) -> None:
    run(["ip", "netns", "delete", namespace], check=False)
    with contextlib.suppress(FileNotFoundError):
        (NETNS_FOLDER / namespace).unlink()


def _exists(namespace: str | None, interface: str) -> bool:
    where = ["-n", namespace] if namespace else []
    return run(["ip", *where, "link", "show", "dev", interface], check=False).returncode == 0


def _ensure_bridge(namespace: str, bridge: str) -> None:
    if not _exists(namespace, bridge):
        run(["ip", "-n", namespace, "link", "add", bridge, "type", "bridge"])
    run(["ip", "-n", namespace, "link", "set", bridge, "up"])


def _ensure_wire(near: tuple[str | None, str], far: tuple[str, str]) -> None:
    """A veth pair with its ends where they belong; a pair of which one end is elsewhere is made anew."""
    near_is, far_is = _exists(*near), _exists(*far)
    if near_is != far_is:
        present = near if near_is else far
        where = ["-n", present[0]] if present[0] else []
        run(["ip", *where, "link", "delete", present[1]])
    if not (near_is and far_is):
        where = ["-n", near[0]] if near[0] else []
        run(["ip", *where, "link", "add", near[1], "type", "veth", "peer", "name", far[1], "netns", far[0]])
    for namespace, interface in (near, far):
        where = ["-n", namespace] if namespace else []
        run(["ip", *where, "link", "set", interface, "up"])


def _plug(namespace: str, interface: str, bridge: str) -> None:
    run(["ip", "-n", namespace, "link", "set", interface, "master", bridge])


def _address(namespace: str | None, interface: str, address: str) -> None:
    where = ["-n", namespace] if namespace else []
    run(["ip", *where, "address", "replace", address, "dev", interface])


def _ensure_lines(topology: Topology) -> None:
    near, far = (topology.site_namespace(site) for site in SITES)
    for switch in SWITCHES:
        line = f"line-{switch[0]}"
        _ensure_wire((near, line), (far, line))
        _plug(near, line, switch)
        _plug(far, line, switch)
    set_link_rate(topology, topology.state.link_rate)


def _ensure_host(topology: Topology, host: LabHost) -> None:
    """eth0 has the management address; eth1 is the uplink of the bridge `production`; `isolated` has no uplink."""
    for bridge in ("production", "isolated"):
        _ensure_bridge(host.namespace, bridge)
    for interface, switch in (("eth0", "management"), ("eth1", "production")):
        port = f"{host.name}-{switch[0]}"
        _ensure_wire((host.namespace, interface), (host.site_namespace, port))
        _plug(host.site_namespace, port, switch)
    _plug(host.namespace, "eth1", "production")
    _address(host.namespace, "eth0", f"{host.address}/24")
    # The only way from the host into the guests' network: a trial guest is reached here, production is not.
    _address(host.namespace, "isolated", f"{topology.isolated_address}/24")


def _ensure_controller(topology: Topology) -> None:
    slot = topology.state.slot
    site = topology.site_namespace(SITES[0])
    ends = (
        (topology.management_interface, "management", slots.management(slot)),
        (topology.production_interface, "production", slots.production(slot)),
    )
    for interface, switch, network in ends:
        port = f"controller-{switch[0]}"
        _ensure_wire((None, interface), (site, port))
        _plug(site, port, switch)
        _address(None, interface, f"{network[1]}/24")

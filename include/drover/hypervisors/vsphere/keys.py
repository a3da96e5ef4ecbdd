"""The keys by which the API names a machine's devices."""

from collections.abc import Mapping
from typing import Any

from drover.hypervisors.vsphere import nodes
from drover.hypervisors.vsphere.collector import retrieve
from drover.hypervisors.vsphere.devices import CONTROLLERS
from drover.hypervisors.vsphere.session import Session

_KIND = "VirtualMachine"


def device_keys(session: Session, machine: Any) -> Mapping[str, int]:
    """The key of each disk by its name, of each adapter by its MAC."""
    for found in retrieve(session, {_KIND: ["config.hardware"]}, [(_KIND, machine._moId)]):
        devices = nodes.children(found.node("config.hardware"), "device")
        controllers = {nodes.number(one, "key"): one for one in devices}
        keys = {}
        for one in devices:
            key = nodes.number(one, "key") or 0
            if nodes.kind(one) == "VirtualDisk":
                above = controllers.get(nodes.number(one, "controllerKey"))
                bus = CONTROLLERS.get(nodes.kind(above), ("disk", ""))[0]
                number = nodes.number(above, "busNumber") or 0
                keys[f"{bus}{number}:{nodes.number(one, 'unitNumber') or 0}"] = key
            elif mac := nodes.text(one, "macAddress"):
                keys[mac.lower()] = key
        return keys
    return {}

"""What of a machine is more than CPUs, memory, disks and adapters: one word each, for `VirtualMachine.devices`.

Of every element it is known whether it simply moves along; one that nobody has heard of is a word too. Between two
libvirt hosts the definition itself moves, so most of the words matter to a target of another kind alone; the concerns
judge that.
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterator

# Carried over in the machine's neutral fields, or nothing that a guest or a person would miss elsewhere.
_KNOWN = {
    "domain": "name uuid genid hwuuid title description metadata memory maxMemory currentMemory vcpu vcpus iothreads "
    "iothreadids defaultiothread os features cpu clock on_poweroff on_reboot on_crash on_lockfailure pm perf resource "
    "seclabel devices numatune cputune memtune blkiotune memoryBacking launchSecurity",
    "devices": "emulator controller input graphics video audio memballoon hub console alias",
    "disk": "source backingStore target readonly shareable serial driver address alias boot encryption auth geometry "
    "blockio mirror backenddomain transient iotune acpi",
    "interface": "mac source target model driver address alias boot link vlan bandwidth ip route mtu coalesce guest "
    "script downscript backend rom tune acpi virtualport",
}
# No other kind of hypervisor has these; between libvirt hosts they are kept.
_PARTS = frozenset({"sysinfo", "keywrap", "idmap", "throttlefilters"})
_DISK_PARTS = frozenset({"wwn", "vendor", "product", "throttlefilters"})
_INTERFACE_PARTS = frozenset({"filterref", "port", "portForward", "teaming"})
_ATTACHED = {
    "hostdev": "hostdev",
    "redirdev": "usb",
    "redirfilter": "usb",
    "tpm": "tpm",
    "filesystem": "filesystem",
    "shmem": "shared-memory",
    "smartcard": "smartcard",
    "vsock": "vsock",
    "memory": "memory",
    "lease": "lease",
}
_MINOR = frozenset({"sound", "watchdog", "rng", "panic", "iommu", "pstore", "crypto", "nvram"})
# Of a port: where nobody listens but a person who opens the console.
_CONSOLES = frozenset({"pty", "null", "vc", "stdio", "spicevmc", "dbus", "qemu-vdagent"})
_KNOWN_CHANNELS = ("org.qemu.", "com.redhat.", "org.libguestfs.", "org.ovirt.", "org.spice-space.")
_HOST_FILES = ("kernel", "initrd", "dtb", "shim", "acpi/table")
_HOST_LINKS = ("hostdev", "vdpa", "vhostuser", "direct")
# Mere placement, and how the host's memory is backed: nothing that the guest has a share of.
_NO_SHARE = frozenset({"vcpupin", "emulatorpin", "iothreadpin", "source", "access", "allocation", "discard"})
_BLOCKS = frozenset({"file", "block", "volume"})


def words(root: ET.Element) -> tuple[str, ...]:
    """What a migration must think about, sorted, each once."""
    found = set(_placement(root)) | set(_resources(root)) | set(_whole(root))
    for element in root.findall("devices/*"):
        found.update(_device(element))
    return tuple(sorted(found))


def _is_known(where: str, tag: str) -> bool:
    return tag in _KNOWN[where].split()


def _whole(root: ET.Element) -> Iterator[str]:
    """What the definition says beside its devices."""
    for element in root:
        space, _, tag = element.tag.rpartition("}")
        if space:
            # `qemu:commandline` and its like: what QEMU is given beside what libvirt knows of.
            yield from [f"hypervisor-arguments {tag}"] if len(element) else []
        elif tag in _PARTS:
            yield f"definition {tag}"
        elif not _is_known("domain", tag):
            yield f"unknown-element {tag}"
    if root.find("launchSecurity") is not None:
        yield "memory-encryption"
    yield from (f"host-file {tag} {path}" for tag in _HOST_FILES if (path := root.findtext(f"os/{tag}")))
    clock = root.find("clock")
    if clock is not None and clock.get("offset", "utc") not in ("utc", "localtime"):
        yield f"definition clock {clock.get('offset')}"
    if root.find("cpu/numa") is not None:
        yield "definition cpu numa"


def _device(element: ET.Element) -> Iterator[str]:
    tag, kind = element.tag, element.get("type", "")
    if tag in _ATTACHED:
        yield _ATTACHED[tag]
    elif tag in _MINOR:
        yield f"{tag} {element.get('model') or ''}".strip()
    elif tag in ("serial", "parallel"):
        yield f"console {tag} {kind}" if kind in _CONSOLES else f"{tag} {kind}".strip()
    elif tag == "channel":
        yield from _channel(element)
    elif tag == "interface":
        yield from _interface(element)
    elif tag == "disk":
        yield from _disk(element)
    elif not _is_known("devices", tag):
        yield f"unknown-element {tag}"


def _channel(element: ET.Element) -> Iterator[str]:
    """One that agents in the guest use is known; any other leads to a program on the host."""
    target = element.find("target")
    name = target.get("name", "") if target is not None else ""
    if element.get("type") not in _CONSOLES and not name.startswith(_KNOWN_CHANNELS):
        yield f"serial channel {name}".strip()


def _interface(element: ET.Element) -> Iterator[str]:
    mac = element.find("mac")
    name = (mac.get("address", "") if mac is not None else "").lower()
    if element.get("type") in _HOST_LINKS:
        yield f"interface-{element.get('type')}"
    link, vlan = element.find("link"), element.find("vlan")
    if link is not None and link.get("state") == "down":
        yield f"interface-disconnected {name}"
    if vlan is not None:
        yield f"vlan {name} {_vlan(vlan)}".strip()
    if element.find("bandwidth") is not None:
        yield f"resources network limit of {name}"
    yield from _parts(element, f"interface {name}", _INTERFACE_PARTS)


def _vlan(vlan: ET.Element) -> str:
    tags = [tag.get("id", "?") for tag in vlan.findall("tag")]
    trunk = vlan.get("trunk") == "yes" or len(tags) > 1 or vlan.find("tag[@nativeMode]") is not None
    return f"{'trunk' if trunk else 'access'} {','.join(tags)}" if tags else ""


def _disk(element: ET.Element) -> Iterator[str]:
    kind, source, target = element.get("type", "file"), element.find("source"), element.find("target")
    name = target.get("dev", "") if target is not None else ""
    if element.get("device") in ("cdrom", "floppy"):
        yield from [f"{element.get('device')}-media"] if source is not None and source.attrib else []
    elif kind not in _BLOCKS:
        yield f"disk-{kind}"
    if element.find("encryption") is not None or (source is not None and source.find("encryption") is not None):
        yield "disk-encryption"
    if element.find("transient") is not None:
        yield f"disk-nonpersistent {name}"
    if len(element.find("iotune") or ()):
        yield f"resources disk limit of {name}"
    yield from _parts(element, f"disk {name}", _DISK_PARTS)


def _parts(element: ET.Element, name: str, lost: frozenset[str]) -> Iterator[str]:
    for child in element:
        if child.tag in lost:
            yield f"definition {name} {child.tag}"
        elif not _is_known(element.tag, child.tag):
            yield f"unknown-element {name} {child.tag}"


def _placement(root: ET.Element) -> Iterator[str]:
    """What ties the machine to parts of its host, `cpu-pinning 0-3` and `numa-nodes 1`, and what may be added to it."""
    pins = [root.find("vcpu"), *root.findall("cputune/*")]
    yield from (f"cpu-pinning {pin.get('cpuset')}" for pin in pins if pin is not None and pin.get("cpuset"))
    nodes = [element.get("nodeset") for element in root.findall("numatune/*")]
    yield from (f"numa-nodes {node}" for node in nodes if node)
    count = root.find("vcpu")
    if count is not None and count.get("current", count.text) != count.text:
        yield "hotplug cpu"
    if root.find("maxMemory") is not None:
        yield "hotplug memory"


def _resources(root: ET.Element) -> Iterator[str]:
    """Its own share of its host: all that limits, reserves or prefers, and no mere placement."""
    for tag, what in (("cputune", "cpu"), ("memtune", "memory"), ("blkiotune", "disks"), ("memoryBacking", "memory")):
        for element in root.findall(f"{tag}/*"):
            if element.tag not in _NO_SHARE:
                yield f"resources {what} {element.tag} {(element.text or '').strip()}".strip()

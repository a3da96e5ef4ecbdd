"""What of a domain is more than its disks and adapters, and that nothing of it is passed over."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from drover.hypervisors.libvirt import odd

WHOLE = "<domain xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>{}</domain>"
ADAPTER = "<devices><interface type='bridge'><mac address='52:54:00:AA:BB:CC'/>{}</interface></devices>"
DISK = "<devices><disk type='file'><target dev='vda'/>{}</disk></devices>"
MAC = "52:54:00:aa:bb:cc"


def words(text: str) -> tuple[str, ...]:
    return odd.words(ET.fromstring(WHOLE.format(text)))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("<hostdev/>", "hostdev"),
        ("<redirdev/>", "usb"),
        ("<tpm/>", "tpm"),
        ("<filesystem/>", "filesystem"),
        ("<shmem/>", "shared-memory"),
        ("<disk type='network'><target dev='vda'/></disk>", "disk-network"),
        ("<disk device='cdrom' type='file'><source file='/x.iso'/></disk>", "cdrom-media"),
        ("<disk type='file'><source file='/x'><encryption/></source></disk>", "disk-encryption"),
        ("<disk device='cdrom' type='file'/><disk type='file'/><interface type='bridge'/>", None),
    ],
)
def test_what_cannot_simply_move(text: str, found: str | None) -> None:
    assert words(f"<devices>{text}</devices>") == ((found,) if found else ())


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("<vcpu cpuset='0-3'>2</vcpu>", ("cpu-pinning 0-3",)),
        (
            "<cputune><vcpupin vcpu='0' cpuset='5'/><shares>2</shares></cputune>",
            ("cpu-pinning 5", "resources cpu shares 2"),
        ),
        ("<cputune><emulatorpin cpuset='1'/></cputune>", ("cpu-pinning 1",)),
        ("<numatune><memory mode='strict' nodeset='1'/></numatune>", ("numa-nodes 1",)),
        ("<vcpu current='1'>2</vcpu>", ("hotplug cpu",)),
        ("<vcpu current='2'>2</vcpu>", ()),
        ("<maxMemory slots='16' unit='KiB'>1524288</maxMemory>", ("hotplug memory",)),
        ("<vcpu>2</vcpu><numatune><memory mode='strict' placement='auto'/></numatune>", ()),
    ],
)
def test_what_ties_it_to_its_host_and_what_may_be_added(text: str, found: tuple[str, ...]) -> None:
    assert words(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("<devices><serial type='pty'><log file='/x'/></serial></devices>", ("console serial pty",)),
        ("<devices><serial type='tcp'/><parallel type='dev'/></devices>", ("parallel dev", "serial tcp")),
        ("<devices><channel type='unix'><target name='org.qemu.guest_agent.0'/></channel></devices>", ()),
        ("<devices><channel type='unix'><target name='ours'/></channel></devices>", ("serial channel ours",)),
        ("<devices><sound model='ich9'/><rng model='virtio'/></devices>", ("rng virtio", "sound ich9")),
        ("<devices><watchdog model='i6300esb' action='reset'/></devices>", ("watchdog i6300esb",)),
        ("<devices><of-tomorrow/></devices>", ("unknown-element of-tomorrow",)),
        ("<of-tomorrow/>", ("unknown-element of-tomorrow",)),
        (ADAPTER.format("<link state='down'/>"), (f"interface-disconnected {MAC}",)),
        (ADAPTER.format("<link state='up'/>"), ()),
        (ADAPTER.format("<vlan><tag id='7'/></vlan>"), (f"vlan {MAC} access 7",)),
        (ADAPTER.format("<vlan trunk='yes'><tag id='7'/><tag id='8'/></vlan>"), (f"vlan {MAC} trunk 7,8",)),
        (ADAPTER.format("<bandwidth/>"), (f"resources network limit of {MAC}",)),
        (ADAPTER.format("<filterref filter='clean'/>"), (f"definition interface {MAC} filterref",)),
        (ADAPTER.format("<of-tomorrow/>"), (f"unknown-element interface {MAC} of-tomorrow",)),
        (DISK.format("<transient/>"), ("disk-nonpersistent vda",)),
        (DISK.format("<iotune><total_iops_sec>9</total_iops_sec></iotune>"), ("resources disk limit of vda",)),
        (DISK.format("<wwn>5</wwn>"), ("definition disk vda wwn",)),
        (DISK.format("<of-tomorrow/>"), ("unknown-element disk vda of-tomorrow",)),
        ("<memtune><hard_limit>4</hard_limit></memtune>", ("resources memory hard_limit 4",)),
        ("<memoryBacking><locked/><source type='memfd'/></memoryBacking>", ("resources memory locked",)),
        ("<sysinfo type='smbios'/>", ("definition sysinfo",)),
        ("<clock offset='variable'/>", ("definition clock variable",)),
        ("<clock offset='localtime'/>", ()),
        ("<os><kernel>/boot/vmlinuz</kernel></os>", ("host-file kernel /boot/vmlinuz",)),
        ("<qemu:commandline><qemu:arg value='-S'/></qemu:commandline>", ("hypervisor-arguments commandline",)),
        ("<qemu:commandline/>", ()),
        ("<launchSecurity type='sev'/>", ("memory-encryption",)),
    ],
)
def test_what_the_definition_says_beside(text: str, found: tuple[str, ...]) -> None:
    assert words(text) == found


SCHEMAS = Path("/usr/share/libvirt/schemas")
RNG = "{http://relaxng.org/ns/structure/1.0}"
# Xen's, and those of other namespaces, which are arguments by hand.
OTHERS = {"bootloader", "bootloader_args", "backenddomain"}
OTHERS |= {"capabilities", "commandline", "datacenterpath", "deprecation", "namespace", "override"}


@pytest.mark.skipif(not SCHEMAS.exists(), reason="libvirt's schema is not installed")
@pytest.mark.parametrize("where", ["domain", "devices", "disk", "interface"])
def test_each_element_that_this_libvirt_knows_is_known_here_too(where: str) -> None:
    root = ET.Element("all")
    for file in ("domaincommon.rng", "domainoverrides.rng"):
        root.extend(ET.parse(SCHEMAS / file).getroot())
    plain = {
        "domain": "<{0}/>",
        "devices": "<devices><{0}/></devices>",
        "disk": DISK.format("<{0}/>"),
        "interface": ADAPTER.format("<{0}/>"),
    }[where]
    names = max(
        (_children(root, one, set()) for one in root.iter(f"{RNG}element") if one.get("name") == where), key=len
    )
    unknown = {name for name in names - OTHERS if any("unknown" in word for word in words(plain.format(name)))}
    assert len(names) > 15
    assert unknown == set()


def _children(root: ET.Element, node: ET.Element, seen: set[str]) -> set[str]:
    found: set[str] = set()
    for child in node:
        name = child.get("name") or ""
        if child.tag == f"{RNG}element":
            found.add(name)
        elif child.tag == f"{RNG}ref" and name not in seen:
            seen.add(name)
            for made in root.findall(f"{RNG}define[@name='{name}']"):
                found |= _children(root, made, seen)
        elif child.tag != f"{RNG}attribute":
            found |= _children(root, child, seen)
    return found - {""}

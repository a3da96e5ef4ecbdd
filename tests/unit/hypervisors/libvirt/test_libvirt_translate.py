"""The target's definition, made from the source's."""

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from drover.errors import OperatorNeededError
from drover.hypervisors.libvirt import translate, xml
from drover.hypervisors.libvirt.files import file_name, nvram_file
from drover.hypervisors.libvirt.translate import Site
from drover.hypervisors.port import TargetSettings
from drover.model import (
    Cpu,
    Disk,
    DiskFormat,
    Firmware,
    Network,
    Nic,
    Ownership,
    PowerState,
    StoragePool,
    VirtualMachine,
)

NATIVE = """
<domain type='kvm' id='7'><name>m</name><uuid>u</uuid>
 <metadata><app:x xmlns:app='urn:a'/><d:owner xmlns:d='https://drover.dev/owner/1' wave='old'/>
  <n:nvram xmlns:n='https://drover.dev/nvram/1'>AAAA</n:nvram></metadata>
 <os firmware='efi'><type machine='pc-q35-7.2'>hvm</type><nvram template='/t'>/old/m_VARS.fd</nvram></os>
 <devices><emulator>/opt/qemu</emulator>
  <disk type='file' device='disk'><driver type='qcow2' cache='none'/><source file='/src/a.qcow2' index='2'>
   <seclabel/></source>
   <backingStore type='file'><source file='/src/base'/></backingStore><target dev='vda' bus='virtio'/>
   <alias name='virtio-disk0'/>
   <address type='pci' slot='4'/></disk>
  <disk type='file' device='cdrom'><source file='/src/x.iso'/><target dev='sda'/><readonly/></disk>
  <interface type='network'><mac address='52:54:00:00:00:01'/><source network='prod' portid='p' bridge='b0'/>
   <target dev='vnet3'/><model type='virtio'/><alias name='ua-mine'/></interface></devices>
 <seclabel type='dynamic'/></domain>
"""
OWNER = Ownership("w", "r", "m", "u", "target")
SITE = Site(
    "kvm-b",
    {"fast": StoragePool("fast", "/fast", True, 100, 50), "idle": StoragePool("idle", "/idle", False, 1, 1)},
    {"net": Network("net", True, "b1"), "br9": Network("br9", True, "br9")},
    frozenset({"net"}),
)


def machine(**changes: object) -> VirtualMachine:
    disk = Disk("vda", "/src/a.qcow2", "default", DiskFormat.QCOW2, 10, 5, "virtio")
    whole = VirtualMachine(
        name="m",
        uuid="u",
        hypervisor="libvirt",
        host="kvm-a",
        state=PowerState.OFF,
        cpu=Cpu(1),
        memory=1,
        firmware=Firmware.UEFI,
        disks=(disk,),
        nics=(Nic("52:54:00:00:00:01", "prod", "virtio"),),
        autostart=True,
        native=NATIVE,
    )
    return replace(whole, **changes)


def settings(network: str = "net", pool: str = "fast") -> TargetSettings:
    return TargetSettings(networks={"prod": network}, storage={"default": pool}, owner=OWNER)


def made(network: str = "net") -> ET.Element:
    return ET.fromstring(translate.definition(machine(), settings(network), SITE))


def test_disk_lies_at_its_new_place_and_keeps_its_ways() -> None:
    disk = made().find("devices/disk[@device='disk']")
    assert disk is not None
    assert [child.tag for child in disk] == ["driver", "source", "target", "address"]
    assert disk.find("source").attrib == {"file": "/fast/m-vda.qcow2"}
    assert disk.find("driver").attrib == {"type": "qcow2", "cache": "none"}


def test_what_holds_on_one_host_only_is_gone() -> None:
    text = translate.definition(machine(), settings(), SITE)
    for gone in ("seclabel", "/opt/qemu", "backingStore", "virtio-disk0", "portid", "vnet3", "/src/", "AAAA", "old"):
        assert gone not in text
    assert ET.fromstring(text).get("id") is None
    assert "ua-mine" in text, "an alias that the user gave stays"
    assert made().find("metadata/{urn:a}x") is not None, "what other programs noted stays"


def test_medium_is_taken_out() -> None:
    drive = made().find("devices/disk[@device='cdrom']")
    assert drive.find("source") is None


def test_adapter_hangs_on_the_mapped_network_or_bridge() -> None:
    nic = made().find("devices/interface")
    assert (nic.get("type"), nic.find("source").attrib) == ("network", {"network": "net"})
    assert nic.find("mac").get("address") == "52:54:00:00:00:01"
    bare = made("br9").find("devices/interface")
    assert (bare.get("type"), bare.find("source").attrib) == ("bridge", {"bridge": "br9"})


def test_under_another_name_it_has_that_name_and_uuid_everywhere() -> None:
    native = NATIVE.replace(
        "<os ", "<sysinfo type='smbios'><system><entry name='uuid'>u</entry></system></sysinfo><os "
    )
    text = translate.definition(machine(name="n", uuid="v", native=native), settings(), SITE)
    root = ET.fromstring(text)
    assert (root.findtext("name"), root.findtext("uuid")) == ("n", "v")
    assert root.findtext("sysinfo/system/entry") == "v"
    assert root.find("devices/interface/mac").get("address") == "52:54:00:00:00:01"  # type: ignore[union-attr]


def test_uefi_variables_have_a_place_of_their_own_and_the_tag_is_new() -> None:
    root = made()
    assert root.findtext("os/nvram") == nvram_file("m")
    assert root.find("os/nvram").get("template") == "/t"
    assert xml.ownership(root) == OWNER


@pytest.mark.parametrize(
    ("changes", "wanted", "message"),
    [
        ({}, settings(pool="idle"), "'idle' is not active on kvm-b"),
        ({}, settings(pool="none"), "'none' does not exist on kvm-b"),
        ({}, settings(network="none"), "network 'none' does not exist on kvm-b"),
        ({"disks": (replace(machine().disks[0], pool=None),)}, settings(), "lies in no storage pool"),
        ({"disks": (replace(machine().disks[0], size=0),)}, settings(), "0 bytes"),
        ({"disks": (replace(machine().disks[0], format=DiskFormat.VMDK),)}, settings(), "has format vmdk"),
    ],
)
def test_what_cannot_be_made_is_told(changes: dict[str, object], wanted: TargetSettings, message: str) -> None:
    with pytest.raises(OperatorNeededError, match=message):
        translate.definition(machine(**changes), wanted, SITE)


@pytest.mark.parametrize("name", ["../../etc/x", "a/b", "new\nline", "q\"uo'te", ".hidden", "..", "%2F", "ä" * 100])
def test_file_names_are_safe(name: str) -> None:
    made_of_it = file_name(name, "vda")
    assert "/" not in made_of_it
    assert made_of_it.isprintable()
    assert not made_of_it.startswith(".")
    assert len(made_of_it) < 200


def test_file_names_of_different_machines_differ() -> None:
    names = ["a/b", "a%2Fb", "a b", "a%20b", "x" * 300, "x" * 301, ".a", "%2Ea"]
    assert len({file_name(name) for name in names}) == len(names)

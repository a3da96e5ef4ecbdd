"""The definition of a machine of another kind, built from its neutral fields."""

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from drover.errors import OperatorNeededError
from drover.hypervisors.libvirt import outcome, translate, xml
from drover.hypervisors.libvirt.files import nvram_file
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

ODD = """it's "odd" <name/> & $(id)"""
OWNER = Ownership("w", "r", ODD, "u", "target")
SITE = Site(
    "kvm-b",
    {"fast": StoragePool("fast", "/fast", True, 100, 50)},
    {"net": Network("net", True, "b1")},
    frozenset({"net"}),
    "qemu",
)
SETTINGS = TargetSettings(networks={"VM Network": "net"}, storage={"datastore1": "fast"}, owner=OWNER)


def disk(name: str, controller: str | None, bus: str = "scsi", **more: object) -> Disk:
    made = Disk(name, "[ds] x.vmdk", "datastore1", DiskFormat.VMDK, 512, 5, bus, controller=controller)
    return replace(made, **more)


def machine(*disks: Disk, **changes: object) -> VirtualMachine:
    whole = VirtualMachine(
        name=ODD,
        uuid="42110d5a-6f0e-4a52-9d4e-1f0a5b6c7d8e",
        hypervisor="vsphere",
        host="esx-1",
        state=PowerState.OFF,
        cpu=Cpu(4, sockets=2, cores=2),
        memory=1 << 30,
        firmware=Firmware.BIOS,
        disks=disks or (disk("scsi0:0", "pvscsi"),),
        nics=(Nic("00:50:56:00:00:01", "VM Network", "vmxnet3"),),
        autostart=True,
        native='{"not": "XML"}',
    )
    return replace(whole, **changes)


def made(given: VirtualMachine) -> ET.Element:
    return ET.fromstring(translate.definition(given, SETTINGS, SITE))


def places(given: VirtualMachine) -> list[tuple[str, str, str | None]]:
    return [(each.name, each.bus, each.controller) for each in outcome.translated(given, SETTINGS, SITE).disks]


def test_what_a_machine_is_stays() -> None:
    told = outcome.translated(machine(guest_os="otherLinux64Guest"), SETTINGS, SITE)
    given = machine()
    for what in ("name", "uuid", "memory", "firmware"):
        assert getattr(told, what) == getattr(given, what)
    assert (told.cpu.count, told.cpu.sockets, told.cpu.cores) == (4, 2, 2)
    assert [(nic.mac, nic.model, nic.network) for nic in told.nics] == [("00:50:56:00:00:01", "vmxnet3", "net")]
    assert [(each.pool, each.format, each.size) for each in told.disks] == [("fast", DiskFormat.QCOW2, 512)]
    assert (told.hypervisor, told.host, told.state, told.autostart) == ("libvirt", "kvm-b", PowerState.OFF, False)
    assert told.ownership == OWNER


def test_names_are_text_and_never_xml() -> None:
    root = made(machine())
    assert root.findtext("name") == ODD
    assert xml.ownership(root) == OWNER
    assert root.find("devices/disk/source").get("file").startswith("/fast/")


@pytest.mark.parametrize(
    ("controller", "bus", "wanted"),
    [
        ("pvscsi", "scsi", ("sda", "scsi", "pvscsi")),
        ("lsisas1068", "scsi", ("sda", "scsi", "lsisas1068")),
        ("virtio-scsi", "scsi", ("sda", "scsi", "virtio-scsi")),
        ("ahci", "sata", ("sda", "sata", "ahci")),
        ("ide", "ide", ("hda", "ide", "ide")),
        ("hyperv-ide", "ide", ("hda", "ide", "ide")),
        (None, "virtio", ("vda", "virtio", None)),
        ("lsilogic", "scsi", ("sda", "sata", "ahci")),
        ("buslogic", "scsi", ("sda", "sata", "ahci")),
        ("nvme", "nvme", ("sda", "sata", "ahci")),
        ("hyperv-scsi", "scsi", ("sda", "sata", "ahci")),
    ],
)
def test_a_disk_keeps_its_controller_where_qemu_has_it(controller: str | None, bus: str, wanted: object) -> None:
    assert places(machine(disk("0:0", controller, bus))) == [wanted]


@pytest.mark.parametrize("controller", ["pvscsi", "lsisas1068", "ide"])
def test_uefi_boots_from_sata_where_its_firmware_has_no_driver(controller: str) -> None:
    given = machine(disk("0:0", controller, "ide" if controller == "ide" else "scsi"), firmware=Firmware.UEFI)
    assert places(given) == [("sda", "sata", "ahci")]
    assert made(given).find("os/type").get("machine") == "q35"


@pytest.mark.parametrize(
    ("system", "wanted"),
    [
        ("debian12_64Guest", ("sda", "scsi", "virtio-scsi")),
        ("windows2019srv_64Guest", ("sda", "sata", "ahci")),
        (None, ("sda", "sata", "ahci")),
    ],
)
@pytest.mark.parametrize("controller", ["lsilogic", "nvme", "hyperv-scsi", "pvscsi"])
def test_what_stands_in_is_what_the_system_has_a_driver_for(
    controller: str, system: str | None, wanted: tuple[str, str, str]
) -> None:
    firmware = Firmware.UEFI if controller == "pvscsi" else Firmware.BIOS
    assert places(machine(disk("0:0", controller), guest_os=system, firmware=firmware)) == [wanted]


@pytest.mark.parametrize(
    ("system", "wanted"),
    [("Debian GNU/Linux", "virtio"), ("Windows Server 2022 Datacenter", "e1000e"), (None, "e1000e")],
)
def test_an_adapter_of_hyper_v_becomes_what_the_system_has_a_driver_for(system: str | None, wanted: str) -> None:
    nic = Nic("52:54:00:00:00:01", "VM Network", "hyperv")
    given = machine(disk("0:0", "ide", "ide"), guest_os=system, nics=(nic,))
    (model,) = made(given).iterfind("devices/interface/model")
    assert model.get("type") == wanted


def test_what_stands_in_never_tears_the_order_apart() -> None:
    disks = (disk("scsi0:0", "pvscsi"), disk("sata0:0", "ahci", "sata"), disk("nvme0:0", "nvme", "nvme"))
    given = machine(*disks, guest_os="debian12_64Guest")
    assert [controller for _, _, controller in places(given)] == ["pvscsi", "ahci", "ahci"]


def test_disks_keep_their_order_over_buses_and_controllers() -> None:
    disks = [disk(f"scsi0:{n}", "pvscsi") for n in range(16)]
    disks += [disk("sata0:0", "ahci", "sata"), disk("nvme0:0", "nvme", "nvme")]
    assert [name for name, _, _ in places(machine(*disks))] == [f"sd{letter}" for letter in "abcdefghijklmnopqr"]
    root = made(machine(*disks))
    assert [c.get("model") for c in root.findall("devices/controller")] == ["vmpvscsi", "vmpvscsi"]
    addresses = [a.attrib for a in root.findall("devices/disk/address")]
    assert [(a["controller"], a["target"]) for a in addresses[14:16]] == [("0", "14"), ("1", "0")]
    assert {a["unit"] for a in addresses} == {"0"}, "these controllers know no other"


def test_more_disks_than_letters() -> None:
    names = [name for name, _, _ in places(machine(*(disk(f"scsi0:{n}", "pvscsi") for n in range(28))))]
    assert names[25:] == ["sdz", "sdaa", "sdab"]


def test_the_boot_order_is_kept_by_place() -> None:
    both = (disk("scsi0:0", "pvscsi"), disk("scsi0:1", "pvscsi"))
    given = machine(*both, boot_order=("scsi0:1", "00:50:56:00:00:01", "cdrom"))
    assert outcome.translated(given, SETTINGS, SITE).boot_order == ("sdb", "00:50:56:00:00:01")
    assert outcome.translated(machine(*both), SETTINGS, SITE).boot_order == ("sda",)


def test_uefi_has_variables_of_its_own_and_secure_boot_is_kept() -> None:
    plain = made(machine(firmware=Firmware.UEFI))
    assert plain.find("os").get("firmware") == "efi"
    assert plain.findtext("os/nvram") == nvram_file(ODD)
    secure = machine(firmware=Firmware.UEFI, secure_boot=True)
    assert made(secure).find("features/smm").get("state") == "on"
    assert outcome.translated(secure, SETTINGS, SITE).secure_boot
    assert not outcome.translated(machine(firmware=Firmware.UEFI), SETTINGS, SITE).secure_boot


@pytest.mark.parametrize(
    ("system", "offset"),
    [
        ("windows2019srv_64Guest", "localtime"),
        ("winXPProGuest", "localtime"),
        ("darwin21_64Guest", "utc"),
        (None, "utc"),
    ],
)
def test_windows_has_its_clock_in_local_time(system: str | None, offset: str) -> None:
    assert made(machine(guest_os=system)).find("clock").get("offset") == offset


def test_the_processor_is_the_hosts_where_it_helps() -> None:
    given = machine(cpu=Cpu(3, sockets=2, cores=2))
    assert made(given).find("cpu").attrib == {}
    topology = made(given).find("cpu/topology")
    assert topology.attrib == {"sockets": "3", "cores": "1", "threads": "1"}, "a shape that does not add up is no shape"
    kvm = ET.fromstring(translate.definition(given, SETTINGS, replace(SITE, domain_type="kvm")))
    assert (kvm.get("type"), kvm.find("cpu").get("mode")) == ("kvm", "host-model")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (machine(disk("x", "novel")), "controller that nobody knows here"),
        (machine(disk("x", None, "scsi")), "controller that nobody knows here"),
        (machine(disk("x", "ahci", "sata", read_only=True)), "read only, which QEMU cannot do on sata"),
        (machine(disk("a", "pvscsi"), disk("b", "ahci", "sata"), disk("c", "pvscsi")), "from bus to bus and back"),
        (machine(*(disk(f"{n}", "ide", "ide") for n in range(5))), "5 IDE disks, and QEMU takes four"),
        (machine(nics=(Nic("00:50:56:00:00:01", "VM Network", "sriov"),)), "is a 'sriov', which QEMU cannot give it"),
        (machine(nics=(Nic("00:50:56:00:00:01", "other", "e1000"),)), "network 'other', which is not mapped"),
        (machine(disk("x", "pvscsi", pool="other")), "pool 'other', which is not mapped"),
    ],
)
def test_what_cannot_be_made_is_refused(given: VirtualMachine, message: str) -> None:
    with pytest.raises(OperatorNeededError, match=message):
        outcome.translated(given, SETTINGS, SITE)

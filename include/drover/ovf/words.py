"""The format's numbers and names (DSP0243, DSP0004), and how the model's words are spelled in it."""

OVF = "http://schemas.dmtf.org/ovf/envelope/1"
RASD = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData"
VSSD = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData"
VMW = "http://www.vmware.com/schema/ovf"
PREFIXES = {"ovf": OVF, "rasd": RASD, "vssd": VSSD, "vmw": VMW}

STREAM_OPTIMIZED = "http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"
HARDWARE = "vmx-13"

# rasd:ResourceType
CPU, MEMORY, IDE, SCSI, ETHERNET, CD, DVD, DISK, OTHER_STORAGE, USB = 3, 4, 5, 6, 10, 15, 16, 17, 20, 23
CONTROLLERS = (IDE, SCSI, OTHER_STORAGE)

# What VMware calls a controller: resource type and subtype, by the model's word for it.
CONTROLLER_TYPES: dict[str, tuple[int, str]] = {
    "pvscsi": (SCSI, "VirtualSCSI"),
    "lsilogic": (SCSI, "lsilogic"),
    "lsisas1068": (SCSI, "lsilogicsas"),
    "buslogic": (SCSI, "buslogic"),
    "ahci": (OTHER_STORAGE, "vmware.sata.ahci"),
    "nvme": (OTHER_STORAGE, "vmware.nvme.controller"),
    "ide": (IDE, "PIIX4"),
}
# The controller that a bus gets where the model names none that the format knows.
BUS_CONTROLLERS = {"virtio": "pvscsi", "scsi": "lsilogic", "sata": "ahci", "ide": "ide", "nvme": "nvme"}
CONTROLLER_BUSES = {
    **dict.fromkeys(("pvscsi", "lsilogic", "lsisas1068", "buslogic"), "scsi"),
    "ahci": "sata",
    "nvme": "nvme",
    "ide": "ide",
}
# How many disks hang on one. The unit 7 of a SCSI controller is the controller itself.
CONTROLLER_UNITS = {
    "scsi": (*range(7), *range(8, 16)),
    "sata": tuple(range(30)),
    "nvme": tuple(range(15)),
    "ide": (0, 1),
}

NIC_TYPES = {
    "vmxnet3": "VmxNet3",
    "vmxnet2": "VmxNet2",
    "e1000": "E1000",
    "e1000e": "E1000e",
    "pcnet32": "PCNet32",
    "sriov": "vmware.vmxnet3",
}

# Settings that no other format's reader knows. They are marked as not required, so that others pass over them.
DROVER_UUID = "drover.uuid"
DROVER_BUS = "drover.bus"
DROVER_CONTROLLER = "drover.controller"
DROVER_MODEL = "drover.model"

# ovf:id of OperatingSystemSection (CIM_OperatingSystem.OSType): "Other, 64 bit", where nothing better is known.
OTHER_64_BIT = 102

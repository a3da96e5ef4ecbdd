"""RVTools exports for tests: the sheets that are read, with the columns of version 4.7, written by openpyxl."""

from pathlib import Path
from typing import Any

from openpyxl import Workbook

VC = "vc1.example.com"
INFO: dict[str, Any] = {
    "VM": "",
    "Powerstate": "poweredOn",
    "Template": False,
    "SRM Placeholder": False,
    "Connection state": "connected",
    "Guest state": "running",
    "Consolidation Needed": False,
    "CPUs": 2,
    "Memory": 4096,
    "Total disk capacity MiB": 10240,
    "Primary IP Address": None,
    "Folder": None,
    "FT State": "notConfigured",
    "Provisioned MiB": 14336,
    "In Use MiB": 5120,
    "Cluster rule name(s)": None,
    "Firmware": "bios",
    "Path": "[ds1] x/x.vmx",
    "Depends": None,
    "Datacenter": "DC",
    "Cluster": "Prod",
    "Host": "esx1.example.com",
    "VM ID": None,
    "VM UUID": None,
    "VI SDK Server": VC,
}
DISK: dict[str, Any] = {
    "VM": "",
    "Disk": "Hard disk 1",
    "Disk Path": "",
    "Capacity MiB": 10240,
    "Raw": False,
    "Disk Mode": "persistent",
    "Sharing mode": "sharingNone",
    "Shared Bus": "noSharing",
    "Raw LUN ID": None,
    "VI SDK Server": VC,
}
NIC = {"VM": "", "Adapter": "Vmxnet3", "Network": "VM Network", "Mac Address": "00:50:56:00:00:01", "VI SDK Server": VC}
TOOLS = {"VM": "", "Tools": "toolsOk", "VI SDK Server": VC}
CD = {
    "VM": "",
    "Device Node": "CD/DVD drive 1",
    "Connected": False,
    "Device Type": "Client Device",
    "VI SDK Server": VC,
}
USB = {"VM": "", "Device Node": "USB 1", "Device Type": "Dongle", "Connected": True, "VI SDK Server": VC}
SNAPSHOT = {"VM": "", "Name": "before update", "VI SDK Server": VC}

Rows = list[dict[str, Any]]


def info(name: str, **cells: Any) -> dict[str, Any]:
    return INFO | {"VM": name, "VM ID": f"vm-{name}", "VM UUID": f"uuid-{name}"} | cells


def disk(name: str, **cells: Any) -> dict[str, Any]:
    return DISK | {"VM": name, "Disk Path": f"[ds1] {name}/{name}.vmdk"} | cells


def export(path: Path, machines: Rows, without: tuple[str, ...] = (), **sheets: Rows) -> Path:
    """A whole export: each machine with a disk, an adapter and guest tools, unless a sheet is given."""
    whole: dict[str, Rows] = {
        "vInfo": machines,
        "vDisk": [disk(m["VM"], **{"VI SDK Server": m["VI SDK Server"]}) for m in machines],
        "vNetwork": [NIC | {"VM": m["VM"], "VI SDK Server": m["VI SDK Server"]} for m in machines],
        "vSnapshot": [],
        "vTools": [TOOLS | {"VM": m["VM"], "VI SDK Server": m["VI SDK Server"]} for m in machines],
        "vCD": [CD | {"VM": m["VM"], "VI SDK Server": m["VI SDK Server"]} for m in machines],
        "vUSB": [],
    }
    heads = {"vSnapshot": SNAPSHOT, "vUSB": USB, "vInfo": INFO}
    book = Workbook()
    book.remove(book.active)
    for name, rows in (whole | sheets).items():
        if name not in without:
            sheet = book.create_sheet(name)
            head = list(rows[0] if rows else heads[name])
            sheet.append(head)
            for row in rows:
                sheet.append([row.get(column) for column in head])
    book.save(path)
    return path

"""The machines of an RVTools export. Column names are those of versions 3.9 to 4.7; what was 'MB' there is MiB."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from drover.errors import BadInputError
from drover.model import Cpu, Disk, DiskFormat, Firmware, Nic, PowerState, VirtualMachine
from drover.proposals import workbook
from drover.proposals.candidate import Candidate, Key, with_needs
from drover.proposals.table import Row, Sheet
from drover.waves import names

NEEDS = ("Depends", "Depends on")

_SHEETS = {
    "vDisk": "raw, independent and shared disks",
    "vNetwork": "networks",
    "vSnapshot": "snapshots",
    "vTools": "guest tools",
    "vCD": "media in drives",
    "vUSB": "USB devices",
}
_POWER = {"poweredon": PowerState.RUNNING, "poweredoff": PowerState.OFF}
_TOOLS = {
    "toolsok": "running",
    "toolsold": "running",
    "toolsnotrunning": "not running",
    "toolsnotinstalled": "not installed",
}
_FIRMWARE = {"efi": Firmware.UEFI, "uefi": Firmware.UEFI}
_SHARED = ("sharingmultiwriter", "physicalsharing", "virtualsharing")
# Agents that vCenter makes and removes by itself.
_AGENT = re.compile(r"vCLS[ -]")


@dataclass(slots=True)
class _Parts:
    """What the sheets beside vInfo say of one machine."""

    disks: list[Disk] = field(default_factory=list)
    nics: list[Nic] = field(default_factory=list)
    snapshots: list[str] = field(default_factory=list)
    devices: list[str] = field(default_factory=list)
    tools: str | None = None


def read(path: Path, by: str) -> tuple[list[Candidate], list[str]]:
    """The machines, and what the export cannot tell. :param by: the column of vInfo that groups them, or `none`.

    :raises BadInputError: the file is no such export, or something in it cannot be read.
    """
    book = workbook.sheets(path, ("vInfo", *_SHEETS))
    info = book.get("vInfo")
    if info is None:
        raise BadInputError(
            f"{path} has no sheet 'vInfo', or an empty one.",
            remedy="Give an RVTools export of all sheets; a table of your own goes through 'wave from-csv'.",
        )
    info.need("VM"), info.need("Powerstate"), info.need("Template")
    column = None if by == "none" else info.need(by)
    servers = {row.text("VI SDK Server") for row in info.rows()}
    parts = _parts(book, servers)
    found = [_candidate(row, column, parts) for row in info.rows() if row.text("VM")]
    if not found:
        raise BadInputError(f"{path}, sheet vInfo: there is no machine in it.", remedy="Export again.")
    _refuse_twice(found)
    absent = [f"sheet {name}: nothing is known of {what}" for name, what in _SHEETS.items() if name not in book]
    return with_needs(found, *NEEDS), absent


def _refuse_twice(found: Iterable[Candidate]) -> None:
    """One machine in two lines, as where two exports were joined; two machines of one name are told by their ids."""
    seen: dict[tuple[str, str | None], int] = {}
    for each in found:
        first = seen.setdefault((each.place, each.machine.id), each.row.line)
        if first != each.row.line:
            problem = f"the machine '{each.name}' ({each.machine.id}) is in line {first} too"
            raise each.row.wrong("VM", problem, "Leave out one of the lines in every sheet, or export again.")


def _parts(book: Mapping[str, Sheet], servers: set[str]) -> dict[Key, _Parts]:
    parts: dict[Key, _Parts] = defaultdict(_Parts)
    for name, sheet in book.items():
        if name == "vInfo":
            continue
        sheet.need("VM")
        if sheet.column("VI SDK Server") is None and len(servers) > 1:
            sheet.need("VI SDK Server")
        only = next(iter(servers), "")
        for row in sheet.rows():
            place = row.text("VI SDK Server") if sheet.column("VI SDK Server") else only
            _READERS[name](row, parts[place, row.text("VM")])
    return parts


def _disk(row: Row, parts: _Parts) -> None:
    name = row.text("Disk") or f"disk {len(parts.disks) + 1}"
    path = row.text("Disk Path", "Path")
    sharing = (row.text("Sharing mode").casefold(), row.text("Shared Bus", "SharedBus").casefold())
    parts.disks.append(
        Disk(
            name=name,
            path=path or f"{row.text('VM')}: {name}",
            pool=_datastore(path),
            format=DiskFormat.VMDK,
            size=row.mebibytes("Capacity MiB", "Capacity MB") or 0,
            allocated=0,
            bus="scsi",
            shared=any(mode in _SHARED for mode in sharing),
            independent=row.text("Disk Mode").casefold().startswith("independent"),
            raw_mapping=row.flag("Raw") or bool(row.text("Raw LUN ID")),
        )
    )
    if "nonpersistent" in row.text("Disk Mode").casefold():
        parts.devices.append(f"disk-nonpersistent {name}")


def _nic(row: Row, parts: _Parts) -> None:
    parts.nics.append(Nic(row.text("Mac Address").lower(), row.text("Network"), row.text("Adapter").lower()))


def _snapshot(row: Row, parts: _Parts) -> None:
    parts.snapshots.append(row.text("Name") or "(without a name)")


def _guest_tools(row: Row, parts: _Parts) -> None:
    parts.tools = _TOOLS.get(row.text("Tools").casefold())


def _cd(row: Row, parts: _Parts) -> None:
    if row.flag("Connected"):
        parts.devices.append("cdrom-media")


def _usb(row: Row, parts: _Parts) -> None:
    parts.devices.append(f"hostdev {row.text('Device Type', 'Device Node') or 'USB'}")


_READERS = {
    "vDisk": _disk,
    "vNetwork": _nic,
    "vSnapshot": _snapshot,
    "vTools": _guest_tools,
    "vCD": _cd,
    "vUSB": _usb,
}


def _candidate(row: Row, column: str | None, parts: Mapping[Key, _Parts]) -> Candidate:
    name, place = row.text("VM"), row.text("VI SDK Server")
    mine = parts.get((place, name)) or _Parts()
    told = row.mebibytes("Total disk capacity MiB", "Provisioned MiB", "Provisioned MB") or 0
    storage = [disk.pool for disk in mine.disks if disk.pool] or [_datastore(row.text("Path")) or ""]
    networks = [nic.network for nic in mine.nics] or [row.text(f"Network #{number}") for number in range(1, 9)]
    return Candidate(
        machine=_machine(row, mine),
        row=row,
        place=place,
        group=row.text(column) if column else "",
        size=sum(disk.size for disk in mine.disks) or told,
        used=row.mebibytes("In Use MiB", "In Use MB"),
        networks=tuple(dict.fromkeys(name for name in networks if name)),
        storage=tuple(dict.fromkeys(name for name in storage if name)),
        excluded=_excluded(row, name),
    )


def _machine(row: Row, parts: _Parts) -> VirtualMachine:
    return VirtualMachine(
        name=row.text("VM"),
        uuid=row.text("VM UUID"),
        hypervisor="vsphere",
        host=row.text("Host"),
        state=_POWER.get(row.text("Powerstate").casefold(), PowerState.OTHER),
        cpu=Cpu(row.whole("CPUs") or 1),
        memory=row.mebibytes("Memory") or 0,
        firmware=_FIRMWARE.get(row.text("Firmware").casefold(), Firmware.BIOS),
        disks=tuple(parts.disks),
        nics=tuple(parts.nics),
        autostart=False,
        snapshots=tuple(parts.snapshots),
        devices=(*parts.devices, *_words(row)),
        guest_os=row.text("OS according to the configuration file") or None,
        guest_tools=parts.tools,
        fault_tolerant=row.text("FT State").casefold() not in ("", "notconfigured"),
        consolidation_needed=row.flag("Consolidation Needed"),
        template=row.flag("Template"),
        id=row.text("VM ID") or f"line {row.line}",
    )


def _words(row: Row) -> Iterator[str]:
    if (state := row.text("Connection state").casefold()) not in ("", "connected"):
        yield f"machine-{state}"
    if rules := row.text("Cluster rule name(s)", "Cluster rule(s)"):
        yield f"cluster-rule {rules}"


def _excluded(row: Row, name: str) -> str:
    if row.flag("SRM Placeholder"):
        return "it is a placeholder of Site Recovery Manager; the machine itself is at another site"
    if _AGENT.match(name):
        return "it is an agent of vCenter's own, which makes and removes it"
    return names.problem(name) or ""


def _datastore(path: str) -> str | None:
    """`ds 1` of `[ds 1] web/web.vmdk`."""
    return path[1:].partition("]")[0] if path.startswith("[") and "]" in path else None

"""A Hyper-V host as a Runner: PowerShell with the cmdlets of this world."""

from pathlib import Path

from drover_lab.hyperv.powershell.engine import PowerShell
from drover_lab.hyperv.powershell.invocation import Run
from drover_lab.hyperv.world import arrivals, care, jobs, moves, qemu, staying
from drover_lab.hyperv.world.checkpoints import Checkpoints
from drover_lab.hyperv.world.devices import Devices
from drover_lab.hyperv.world.drives import Drives
from drover_lab.hyperv.world.exports import Exports
from drover_lab.hyperv.world.files import Files
from drover_lab.hyperv.world.handed import Handed
from drover_lab.hyperv.world.hostcmds import HostCmdlets
from drover_lab.hyperv.world.machines import Machines
from drover_lab.hyperv.world.services import Services
from drover_lab.hyperv.world.store import Host


class HyperV(PowerShell):
    """:param folder: the world's. The other parameters are those of `Host`."""

    def __init__(
        self,
        folder: str,
        name: str,
        bridges: dict[str, str] | None = None,
        firmware: tuple[str, str] = ("", ""),
        accelerator: str = "tcg",
        patience: float = 300.0,
    ) -> None:
        self.host = Host(Path(folder), name, bridges or {}, firmware, accelerator, patience)
        devices = Devices(self.host)
        self._moves = moves.Moves(self.host, devices)
        self._arrivals: arrivals.Arrivals | None = None
        super().__init__(cmdlets(self.host, devices, self._moves))

    def boot(self) -> None:
        self._end()
        self._moves.gone()
        jobs.lost(self.host)
        staying.after_power_cut(self.host)
        care.boot(self.host)
        self._arrivals = arrivals.Arrivals(self.host)

    def reboot(self) -> None:
        """Power was cut off: no machine runs, none of those that were coming either, and nobody tidies up."""
        self._end()
        qemu.kill_all(self.host)
        self._moves.gone()

    def _end(self) -> None:
        if self._arrivals is not None:
            self._arrivals.cut()
            self._arrivals = None
        self._moves.cut()


def cmdlets(host: Host, devices: Devices, going: moves.Moves) -> dict[str, Run]:
    machines, drives = Machines(host), Drives(host)
    checkpoints, itself, handed = Checkpoints(host), HostCmdlets(host), Handed(host)
    services = Services(host)
    exports, files = Exports(host, checkpoints, going), Files(host)
    handed.known = {
        "Get-VM": machines.get, "New-VM": machines.new, "Set-VM": machines.set, "Rename-VM": machines.rename,
        "Remove-VM": machines.remove, "Start-VM": machines.start, "Stop-VM": machines.stop,
        "Suspend-VM": machines.pause, "Resume-VM": machines.resume,
        "Get-VMProcessor": devices.processor, "Set-VMProcessor": devices.set_processor,
        "Get-VMMemory": devices.memory, "Set-VMMemory": devices.set_memory,
        "Get-VMNetworkAdapter": going.adapters, "Add-VMNetworkAdapter": devices.add_adapter,
        "Remove-VMNetworkAdapter": devices.remove_adapter, "Connect-VMNetworkAdapter": going.connect,
        "Get-VMNetworkAdapterVlan": devices.vlan, "Set-VMNetworkAdapterVlan": devices.set_vlan,
        "Get-VMFirmware": devices.firmware, "Set-VMFirmware": devices.set_firmware, "Get-VMBios": devices.bios,
        "Get-VMIntegrationService": services.get, "Enable-VMIntegrationService": services.enable,
        "Disable-VMIntegrationService": services.disable, "Get-VMSecurity": devices.security,
        "Get-VMKeyProtector": devices.protector,
        "Get-VMHardDiskDrive": drives.get, "Add-VMHardDiskDrive": drives.add, "Remove-VMHardDiskDrive": drives.remove,
        "Get-VMDvdDrive": drives.dvds, "Remove-VMDvdDrive": drives.remove_dvd,
        "Get-VMFloppyDiskDrive": handed.floppies,
        "Get-VMScsiController": drives.controllers, "Add-VMScsiController": drives.add_controller,
        "New-VHD": drives.new_vhd, "Get-VHD": drives.get_vhd,
        "Test-Path": drives.test_path, "New-Item": drives.new_item, "Get-Item": drives.get_item,
        "Remove-Item": drives.remove_item,
        "Checkpoint-VM": checkpoints.make, "Get-VMSnapshot": checkpoints.get, "Remove-VMSnapshot": checkpoints.remove,
        "Restore-VMSnapshot": checkpoints.restore,
        "Get-VMHost": itself.get, "Get-VMMigrationNetwork": itself.migration_networks,
        "Get-VMSwitch": itself.switches, "Get-VMHostSupportedVersion": itself.versions,
        "Export-VM": exports.export, "Import-VM": exports.import_, "Compare-VM": exports.compare,
        "Get-ChildItem": files.children, "Move-Item": files.move, "Get-FileHash": files.digest,
        "Move-VM": going.move, "Receive-Job": going.receive,
        "Get-VMAssignableDevice": handed.devices, "Get-VMGpuPartitionAdapter": handed.gpus,
        "Get-VMFibreChannelHba": handed.fibre, "Get-VMComPort": handed.ports, "Get-Command": handed.command,
        "Get-CimInstance": itself.cim, "Get-WmiObject": itself.wmi,
    }  # fmt: skip
    return dict(handed.known)

# What this host is and has.
param($p)
$vmHost = Get-VMHost
$system = Get-CimInstance -ClassName 'Win32_OperatingSystem'
$processor = @(Get-CimInstance -ClassName 'Win32_Processor')
$versions = @(Get-VMHostSupportedVersion | ForEach-Object { [string]$_.Version })
$networks = @(Get-VMMigrationNetwork | ForEach-Object { [string]$_.Subnet })
$now = Get-Date
[pscustomobject]@{
    name = [string]$vmHost.ComputerName
    version = [string]$system.Version
    processors = [int]$vmHost.LogicalProcessorCount
    processorModel = [string]$processor[0].Name
    memory = [string]$vmHost.MemoryCapacity
    memoryFreeKiB = [string]$system.FreePhysicalMemory
    clock = $now.ToUniversalTime().ToString('o')
    versions = [string[]]$versions
    diskFolder = [string]$vmHost.VirtualHardDiskPath
    machineFolder = [string]$vmHost.VirtualMachinePath
    liveEnabled = [bool]$vmHost.VirtualMachineMigrationEnabled
    liveLogin = [string]$vmHost.VirtualMachineMigrationAuthenticationType
    liveAnyNetwork = [bool]$vmHost.UseAnyNetworkForMigration
    liveNetworks = [string[]]$networks
    liveSlots = [int]$vmHost.MaximumVirtualMachineMigrations
    storageSlots = [int]$vmHost.MaximumStorageMigrations
}

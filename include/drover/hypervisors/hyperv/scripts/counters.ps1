# What the host has counted of machine $p.id: raw performance counters, which only grow while it runs.
# Their classes are called the same in every language of Windows, which Get-Counter's paths are not.
param($p)
$vm = Get-VM -Id $p.id
$adapters = @(Get-VMNetworkAdapter -VM $vm)
$legacy = @($adapters | Where-Object { $_.IsLegacy })
$processors = @(Get-CimInstance -ClassName 'Win32_PerfRawData_HvStats_HyperVHypervisorVirtualProcessor' |
        Where-Object { $p.processors -contains $_.Name })
$disks = @(Get-CimInstance -ClassName 'Win32_PerfRawData_Counters_HyperVVirtualStorageDevice')
$cards = @(Get-CimInstance -ClassName 'Win32_PerfRawData_NvspNicStats_HyperVVirtualNetworkAdapter')
if ($legacy.Count -gt 0) {
    $cards += @(Get-CimInstance -ClassName 'Win32_PerfRawData_EthernetPerfProvider_HyperVLegacyNetworkAdapter')
}
[pscustomobject]@{
    state = [string]$vm.State
    memory = [string]$vm.MemoryAssigned
    drives = [string[]]@(Get-VMHardDiskDrive -VM $vm | ForEach-Object { [string]$_.Path })
    adapters = [string[]]@($adapters | ForEach-Object { [string]$_.Id })
    processors = @($processors | ForEach-Object {
            [pscustomobject]@{
                name = [string]$_.Name
                ran = [string]$_.PercentTotalRunTime
            }
        })
    disks = @($disks | ForEach-Object {
            [pscustomobject]@{
                name = [string]$_.Name
                readBytes = [string]$_.ReadBytesPersec
                writtenBytes = [string]$_.WriteBytesPersec
                reads = [string]$_.ReadOperationsPerSec
                writes = [string]$_.WriteOperationsPerSec
            }
        })
    cards = @($cards | ForEach-Object {
            [pscustomobject]@{
                name = [string]$_.Name
                received = [string]$_.BytesReceivedPersec
                sent = [string]$_.BytesSentPersec
            }
        })
}

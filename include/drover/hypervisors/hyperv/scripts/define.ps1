# Makes a machine: off, with new disks. Until it is whole it carries the name $p.workingName, by which a retry knows it.
param($p)
$left = @(Get-VM | Where-Object { $_.Name -eq $p.workingName })
foreach ($vm in $left) {
    # Its disks first: whose they were says the machine, and once it is gone nothing does.
    foreach ($disk in @($p.disks)) {
        if (Test-Path -LiteralPath $disk.path) {
            Remove-Item -LiteralPath $disk.path -Force
        }
    }
    Remove-VM -VM $vm -Force -Confirm:$false
}
if ($left.Count -eq 0) {
    # Before anything is made: whatever lies there beside a machine that is not whole was made for it.
    foreach ($disk in @($p.disks)) {
        if (Test-Path -LiteralPath $disk.path) {
            throw "The file $($disk.path) is there already, and this move did not make it"
        }
    }
}
foreach ($folder in @($p.folders)) {
    New-Item -ItemType 'Directory' -Path $folder -Force | Out-Null
}

$create = @{
    Name = $p.workingName
    Generation = [int]$p.generation
    MemoryStartupBytes = [long]$p.memory
    NoVHD = $true
    Path = $p.folder
}
if ($p.version) {
    $create.Version = $p.version
}
$vm = New-VM @create
$settings = @{
    VM = $vm
    Notes = $p.notes
    AutomaticStartAction = 'Nothing'
}
if ($p.settings) {
    $settings.AutomaticStartDelay = [int]$p.settings.startDelay
    $settings.AutomaticStopAction = $p.settings.stopAction
    $settings.CheckpointType = $p.settings.checkpointType
}
# Windows Server 2016 has no such checkpoints, and no such parameter.
if ((Get-Command -Name 'Set-VM').Parameters.Keys -contains 'AutomaticCheckpointsEnabled') {
    $settings.AutomaticCheckpointsEnabled = $false
}
Set-VM @settings
foreach ($service in @(Get-VMIntegrationService -VM $vm)) {
    # Its id ends in what tells its kind, in every language of Windows.
    $wanted = @($p.services | Where-Object { $_ -and ([string]$service.Id).EndsWith([string]$_.kind) })
    if ($wanted.Count -gt 0) {
        if ($wanted[0].enabled) {
            Enable-VMIntegrationService -VMIntegrationService $service
        } else {
            Disable-VMIntegrationService -VMIntegrationService $service
        }
    }
}
Set-VMProcessor -VM $vm -Count ([long]$p.processors) -CompatibilityForMigrationEnabled ([bool]$p.compatibility)
if ($p.dynamic) {
    $minimum = [long]$p.dynamic.minimum
    $maximum = [long]$p.dynamic.maximum
    Set-VMMemory -VM $vm -DynamicMemoryEnabled $true -MinimumBytes $minimum -MaximumBytes $maximum
} else {
    Set-VMMemory -VM $vm -DynamicMemoryEnabled $false
}

# What New-VM gives without being asked.
Get-VMNetworkAdapter -VM $vm | ForEach-Object { Remove-VMNetworkAdapter -VMNetworkAdapter $_ }
Get-VMDvdDrive -VM $vm | ForEach-Object { Remove-VMDvdDrive -VMDvdDrive $_ }

foreach ($controller in @($p.controllers)) {
    $there = @(Get-VMScsiController -VM $vm)
    if ($there.Count -lt [int]$controller) {
        Add-VMScsiController -VM $vm
    }
}

foreach ($disk in @($p.disks)) {
    New-VHD -Path $disk.path -SizeBytes ([long]$disk.size) -Fixed | Out-Null
    $place = @{
        VM = $vm
        ControllerType = $disk.controller
        ControllerNumber = [int]$disk.number
        ControllerLocation = [int]$disk.location
        Path = $disk.path
    }
    Add-VMHardDiskDrive @place
}

foreach ($adapter in @($p.adapters)) {
    $card = @{
        VM = $vm
        Name = $adapter.name
        SwitchName = $adapter.switch
        StaticMacAddress = $adapter.mac
    }
    if ($adapter.legacy) {
        $card.IsLegacy = $true
    }
    Add-VMNetworkAdapter @card
    if ([int]$adapter.vlan -gt 0) {
        Get-VMNetworkAdapter -VM $vm | Where-Object { $_.MacAddress -eq $adapter.mac } | ForEach-Object {
            Set-VMNetworkAdapterVlan -VMNetworkAdapter $_ -Access -VlanId ([int]$adapter.vlan)
        }
    }
}

if ([int]$p.generation -eq 2) {
    if ($p.template) {
        Set-VMFirmware -VM $vm -EnableSecureBoot 'On' -SecureBootTemplate $p.template
    } else {
        Set-VMFirmware -VM $vm -EnableSecureBoot 'Off'
    }
    $order = @()
    foreach ($place in @($p.boot)) {
        $order += @(Get-VMHardDiskDrive -VM $vm | Where-Object { $_.Path -eq $place })
        $order += @(Get-VMNetworkAdapter -VM $vm | Where-Object { $_.MacAddress -eq $place })
    }
    if ($order.Count -gt 0) {
        Set-VMFirmware -VM $vm -BootOrder $order
    }
}
[string]$vm.Id

# The machines of this host with the ids $p.ids. What Hyper-V does not tell is null or empty, and never made up. A
# machine that cannot be read is told as far as it can, with its problem.
param($p)
$wanted = @($p.ids)
$machines = @(Get-VM | Where-Object { $wanted -contains [string]$_.Id })
$realized = 'Microsoft:Hyper-V:System:Realized'
$identities = @(Get-CimInstance -Namespace 'root/virtualization/v2' -ClassName 'Msvm_VirtualSystemSettingData' |
        Where-Object { $_.VirtualSystemType -eq $realized })
# What a guest with integration services tells of itself, while it runs.
$exchanges = @(Get-CimInstance -Namespace 'root/virtualization/v2' -ClassName 'Msvm_KvpExchangeComponent')

# Not every version of Hyper-V can be asked for these two.
$asksDevices = (@(Get-Command -Name 'Get-VMAssignableDevice' -ErrorAction SilentlyContinue).Count -gt 0)
$asksGpu = (@(Get-Command -Name 'Get-VMGpuPartitionAdapter' -ErrorAction SilentlyContinue).Count -gt 0)

foreach ($vm in $machines) {
    $id = [string]$vm.Id
    $identity = $identities | Where-Object { $_.VirtualSystemIdentifier -eq $id } | Select-Object -First 1
    try {
        $system = @($exchanges | Where-Object { $_.SystemName -eq $id } |
            ForEach-Object { $_.GuestIntrinsicExchangeItems } |
            Where-Object { $_ -like '*<VALUE>OSName</VALUE>*' -or $_ -like '*<VALUE>ProductType</VALUE>*' })
        $processor = Get-VMProcessor -VM $vm
        $memory = Get-VMMemory -VM $vm
        $security = Get-VMSecurity -VM $vm
        $protector = @(Get-VMKeyProtector -VM $vm)

        $disks = @(Get-VMHardDiskDrive -VM $vm | ForEach-Object {
                $drive = $_
                $vhd = $null
                $problem = $null
                if ($null -eq $drive.DiskNumber) {
                    try {
                        $vhd = Get-VHD -Path $drive.Path
                    } catch {
                        $problem = [string]$_.Exception.Message
                    }
                }
                [pscustomobject]@{
                    path = [string]$drive.Path
                    controller = [string]$drive.ControllerType
                    number = [int]$drive.ControllerNumber
                    location = [int]$drive.ControllerLocation
                    passThrough = ($null -ne $drive.DiskNumber)
                    shared = $drive.SupportPersistentReservations
                    format = [string]$vhd.VhdFormat
                    type = [string]$vhd.VhdType
                    size = [string]$vhd.Size
                    allocated = [string]$vhd.FileSize
                    sector = [string]$vhd.LogicalSectorSize
                    parent = [string]$vhd.ParentPath
                    problem = $problem
                }
            })

        $adapters = @(Get-VMNetworkAdapter -VM $vm | ForEach-Object {
                $vlan = Get-VMNetworkAdapterVlan -VMNetworkAdapter $_
                $sriov = $null
                if ($null -ne $_.IovWeight) {
                    $sriov = ($_.IovWeight -gt 0)
                }
                [pscustomobject]@{
                    name = [string]$_.Name
                    mac = [string]$_.MacAddress
                    dynamicMac = $_.DynamicMacAddressEnabled
                    switch = [string]$_.SwitchName
                    legacy = $_.IsLegacy
                    sriov = $sriov
                    addresses = [string[]]@($_.IPAddresses)
                    vlanMode = [string]$vlan.OperationMode
                    vlan = $vlan.AccessVlanId
                }
            })

        $snapshots = @(Get-VMSnapshot -VM $vm | ForEach-Object {
                [pscustomobject]@{
                    id = [string]$_.Id
                    name = [string]$_.Name
                    type = [string]$_.SnapshotType
                }
            })

        $services = @(Get-VMIntegrationService -VM $vm | ForEach-Object {
                [pscustomobject]@{
                    id = [string]$_.Id
                    name = [string]$_.Name
                    enabled = $_.Enabled
                    status = [string]$_.PrimaryOperationalStatus
                }
            })

        $handed = @(Get-VMFibreChannelHba -VM $vm | ForEach-Object { 'fibre-channel ' + [string]$_.SanName })
        $handed += @(Get-VMComPort -VM $vm | Where-Object { $_.Path } | ForEach-Object { 'serial ' + [string]$_.Path })
        $notAsked = @()
        if ($asksDevices) {
            $handed += @(Get-VMAssignableDevice -VM $vm | ForEach-Object { 'hostdev ' + [string]$_.LocationPath })
        } else {
            $notAsked += 'devices handed through (Get-VMAssignableDevice)'
        }
        if ($asksGpu) {
            $handed += @(Get-VMGpuPartitionAdapter -VM $vm | ForEach-Object { 'gpu-partition ' + [string]$_.Id })
        } else {
            $notAsked += 'GPU partitions (Get-VMGpuPartitionAdapter)'
        }

        $media = @(Get-VMDvdDrive -VM $vm | Where-Object { $_.Path } | ForEach-Object { [string]$_.Path })
        $floppies = @()
        if ([int]$vm.Generation -eq 1) {
            $floppies = @(Get-VMFloppyDiskDrive -VM $vm | Where-Object { $_.Path } | ForEach-Object { [string]$_.Path })
        }

        $secureBoot = ''
        $template = ''
        $boot = @()
        if ([int]$vm.Generation -eq 2) {
            $firmware = Get-VMFirmware -VM $vm
            $secureBoot = [string]$firmware.SecureBoot
            $template = [string]$firmware.SecureBootTemplate
            $boot = @($firmware.BootOrder | ForEach-Object {
                    [pscustomobject]@{
                        type = [string]$_.BootType
                        path = [string]$_.Device.Path
                        mac = [string]$_.Device.MacAddress
                    }
                })
        } else {
            $bios = Get-VMBios -VM $vm
            $boot = @($bios.StartupOrder | ForEach-Object {
                    [pscustomobject]@{
                        type = [string]$_
                        path = ''
                        mac = ''
                    }
                })
        }

        [pscustomobject]@{
            id = $id
            biosGuid = [string]$identity.BIOSGUID
            system = [string[]]@($system)
            name = [string]$vm.Name
            host = [string]$vm.ComputerName
            state = [string]$vm.State
            status = [string]$vm.Status
            version = [string]$vm.Version
            generation = [int]$vm.Generation
            notes = [string]$vm.Notes
            folder = [string]$vm.Path
            processors = [int]$processor.Count
            processorCompatibility = $processor.CompatibilityForMigrationEnabled
            processorReserve = [string]$processor.Reserve
            processorLimit = [string]$processor.Maximum
            processorWeight = [string]$processor.RelativeWeight
            nested = $processor.ExposeVirtualizationExtensions
            memory = [string]$memory.Startup
            memoryWeight = [string]$memory.Priority
            memoryDynamic = $memory.DynamicMemoryEnabled
            memoryMinimum = [string]$memory.Minimum
            memoryMaximum = [string]$memory.Maximum
            startAction = [string]$vm.AutomaticStartAction
            startDelay = [string]$vm.AutomaticStartDelay
            stopAction = [string]$vm.AutomaticStopAction
            checkpointType = [string]$vm.CheckpointType
            replication = [string]$vm.ReplicationState
            clustered = $vm.IsClustered
            shielded = $security.Shielded
            tpm = $security.TpmEnabled
            protector = ($protector.Count -gt 4)
            secureBoot = $secureBoot
            template = $template
            boot = $boot
            disks = $disks
            adapters = $adapters
            snapshots = $snapshots
            services = $services
            media = [string[]]$media
            floppies = [string[]]$floppies
            handed = [string[]]$handed
            notAsked = [string[]]$notAsked
        }
    } catch {
        $problem = [string]$_.Exception.Message
        # One that left while it was looked at is no machine of this host any more.
        if (@(Get-VM | Where-Object { [string]$_.Id -eq $id }).Count -gt 0) {
            if (-not $identity.BIOSGUID) {
                throw "Nobody can tell which machine '$($vm.Name)' is: $problem"
            }
            [pscustomobject]@{
                id = $id
                biosGuid = [string]$identity.BIOSGUID
                name = [string]$vm.Name
                host = [string]$vm.ComputerName
                state = [string]$vm.State
                generation = [int]$vm.Generation
                notes = [string]$vm.Notes
                processors = [int]$vm.ProcessorCount
                memory = [string]$vm.MemoryStartup
                startAction = [string]$vm.AutomaticStartAction
                problem = $problem
            }
        }
    }
}

# What stands against moving machine $p.id, as it runs and with its disks, from here to host $p.host. Where nothing
# does and $p.start says so, the move begins; the host carries it out by itself, whoever asked for it.
param($p)
$vm = Get-VM -Id $p.id
$vhds = @($p.disks | ForEach-Object { @{ SourceFilePath = $_.source; DestinationFilePath = $_.destination } })
$place = @{
    VM = $vm
    DestinationHost = $p.host
    VirtualMachinePath = $p.folder
    SnapshotFilePath = $p.folder
    SmartPagingFilePath = $p.folder
    Vhds = $vhds
}
$report = Compare-VM @place

# The report holds the machine as it will be over there; its adapters get the switches that it is mapped to.
Get-VMNetworkAdapter -VM $report.VM | ForEach-Object {
    $card = $_
    $wanted = @($p.adapters | Where-Object { $_.mac -eq $card.MacAddress })
    if (($wanted.Count -gt 0) -and ([string]$card.SwitchName -ne $wanted[0].switch)) {
        Connect-VMNetworkAdapter -VMNetworkAdapter $card -SwitchName $wanted[0].switch
    }
}
$report = Compare-VM -CompatibilityReport $report
$against = @($report.Incompatibilities | ForEach-Object {
        [pscustomobject]@{
            id = [string]$_.MessageId
            message = [string]$_.Message
        }
    })

if ($p.start -and ($against.Count -eq 0)) {
    $job = Move-VM -CompatibilityReport $report -AsJob
    # Once the host's own service has it, the move needs this script no longer.
    $running = @(2, 3, 4, 5, 6)
    $until = (Get-Date).AddSeconds([int]$p.patience)
    do {
        Start-Sleep -Milliseconds 300
        $begun = @(Get-WmiObject -Namespace 'root/virtualization/v2' -Class 'Msvm_MigrationJob' |
                Where-Object { ($_.VirtualSystemName -eq $p.id) -and ($running -contains [int]$_.JobState) })
    } while (($begun.Count -eq 0) -and ([string]$job.State -eq 'Running') -and ((Get-Date) -lt $until))
    if ([string]$job.State -eq 'Failed') {
        Receive-Job -Job $job
    }
}
[pscustomobject]@{
    against = $against
}

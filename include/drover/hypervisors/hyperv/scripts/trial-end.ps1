# Puts machine $p.id back to the checkpoint named $p.name, where there is one, removes that, and tells of the disks.
param($p)
$vm = Get-VM -Id $p.id
$kept = @(Get-VMSnapshot -VM $vm | Where-Object { $_.Name -eq $p.name })
if ($kept.Count -gt 0) {
    if ([string]$vm.State -ne 'Off') {
        Stop-VM -VM $vm -TurnOff -Force -Confirm:$false
    }
    Restore-VMSnapshot -VMSnapshot $kept[0] -Confirm:$false
    foreach ($checkpoint in $kept) {
        Remove-VMSnapshot -VMSnapshot $checkpoint -Confirm:$false
    }
}
Get-VMHardDiskDrive -VM $vm | ForEach-Object { [string]$_.Path }

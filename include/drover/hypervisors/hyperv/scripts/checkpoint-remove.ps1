# Removes the checkpoints of machine $p.id that are named $p.name, and tells of the machine's disks.
param($p)
$vm = Get-VM -Id $p.id
Get-VMSnapshot -VM $vm | Where-Object { $_.Name -eq $p.name } | ForEach-Object {
    Remove-VMSnapshot -VMSnapshot $_ -Confirm:$false
}
Get-VMHardDiskDrive -VM $vm | ForEach-Object { [string]$_.Path }

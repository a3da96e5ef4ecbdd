# Freezes the disks of machine $p.id by a checkpoint named $p.name.
param($p)
$vm = Get-VM -Id $p.id
Checkpoint-VM -VM $vm -SnapshotName $p.name
Get-VMSnapshot -VM $vm | Where-Object { $_.Name -eq $p.name } | ForEach-Object { [string]$_.Id }

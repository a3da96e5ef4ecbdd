# Keeps the state of machine $p.id, which is off, in a checkpoint named $p.name, and puts its adapters on $p.switch.
param($p)
$vm = Get-VM -Id $p.id
Checkpoint-VM -VM $vm -SnapshotName $p.name
Get-VMNetworkAdapter -VM $vm | ForEach-Object {
    Connect-VMNetworkAdapter -VMNetworkAdapter $_ -SwitchName $p.switch
}
Get-VMNetworkAdapter -VM $vm | ForEach-Object { [string]$_.SwitchName }

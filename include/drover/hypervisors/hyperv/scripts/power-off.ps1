# Pulls the plug of machine $p.id.
param($p)
$vm = Get-VM -Id $p.id
Stop-VM -VM $vm -TurnOff -Force -Confirm:$false

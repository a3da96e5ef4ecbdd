# Lets the paused machine $p.id run.
param($p)
$vm = Get-VM -Id $p.id
Resume-VM -VM $vm

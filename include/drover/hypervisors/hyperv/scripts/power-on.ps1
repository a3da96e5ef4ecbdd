# Starts the machine $p.id; one that was saved goes on where it was.
param($p)
$vm = Get-VM -Id $p.id
Start-VM -VM $vm

# Asks the guest of machine $p.id to shut down, and waits until it has. It is not forced.
param($p)
$vm = Get-VM -Id $p.id
Stop-VM -VM $vm -Confirm:$false

# Machine $p.id is whole: it gets its name.
param($p)
$vm = Get-VM -Id $p.id
Rename-VM -VM $vm -NewName $p.name

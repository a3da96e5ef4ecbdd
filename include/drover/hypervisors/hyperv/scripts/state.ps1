# Whether the machine $p.id runs.
param($p)
$vm = Get-VM -Id $p.id
[string]$vm.State

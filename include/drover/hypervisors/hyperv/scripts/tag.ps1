# Writes $p.notes into the notes of machine $p.id.
param($p)
$vm = Get-VM -Id $p.id
Set-VM -VM $vm -Notes $p.notes

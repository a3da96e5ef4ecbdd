# Removes the disks $p.disks and then machine $p.id, which is off: whose they were stands in the machine's notes.
param($p)
$vm = Get-VM -Id $p.id
foreach ($path in @($p.disks)) {
    if (Test-Path -LiteralPath $path) {
        Remove-Item -LiteralPath $path -Force
    }
}
Remove-VM -VM $vm -Force -Confirm:$false

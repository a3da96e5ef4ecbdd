# Exports machine $p.id into the folder $p.target, which is made: as it is at one moment, in Hyper-V's own format. Until
# it is whole it lies in $p.work, which a retry makes anew.
param($p)
$vm = Get-VM -Id $p.id
if (Test-Path -LiteralPath $p.target) {
    throw "The folder $($p.target) is there already"
}
if (Test-Path -LiteralPath $p.work) {
    Remove-Item -LiteralPath $p.work -Recurse -Force
}
New-Item -ItemType 'Directory' -Path $p.work -Force | Out-Null
if ([string]$vm.State -eq 'Running') {
    Export-VM -VM $vm -Path $p.work -CaptureLiveState 'CaptureCrashConsistentState'
} else {
    Export-VM -VM $vm -Path $p.work
}
$made = @(Get-ChildItem -LiteralPath $p.work -Directory)
if ($made.Count -ne 1) {
    throw "Hyper-V made $($made.Count) folders where it makes one"
}
Move-Item -LiteralPath $made[0].FullName -Destination $p.target
Remove-Item -LiteralPath $p.work -Recurse -Force
Get-ChildItem -LiteralPath $p.target -Recurse -File | ForEach-Object {
    $digest = Get-FileHash -LiteralPath $_.FullName -Algorithm 'SHA256'
    [pscustomobject]@{
        path = [string]$_.FullName
        size = [string]$_.Length
        sha256 = [string]$digest.Hash
    }
}

# Makes a machine of what was exported to the folder $p.source, with its files below $p.folder; the exported ones stay.
# It is named $p.name, or as it was. Where something stands against it, that is told and nothing is made.
param($p)
$found = @(Get-ChildItem -LiteralPath $p.source -Recurse -File | Where-Object { $_.Name -like '*.vmcx' })
if ($found.Count -ne 1) {
    throw "There are $($found.Count) machines in $($p.source) where there is one in what Hyper-V exports"
}
$place = @{
    Path = $found[0].FullName
    Copy = $true
    VirtualMachinePath = $p.folder
    SnapshotFilePath = $p.folder
    SmartPagingFilePath = $p.folder
    VhdDestinationPath = $p.folder
}
if ($p.newId) {
    $place.GenerateNewId = $true
}
$report = Compare-VM @place
$name = [string]$report.VM.Name
if ($p.name) {
    $name = [string]$p.name
}
if (@(Get-VM | Where-Object { $_.Name -eq $name }).Count -gt 0) {
    throw "There is a machine named '$name' already"
}
$noSwitch = 33012
if ($p.switch) {
    foreach ($problem in @($report.Incompatibilities | Where-Object { [long]$_.MessageId -eq $noSwitch })) {
        Connect-VMNetworkAdapter -VMNetworkAdapter $problem.Source -SwitchName $p.switch
    }
}
$report = Compare-VM -CompatibilityReport $report
$against = @($report.Incompatibilities | ForEach-Object {
        [pscustomobject]@{
            id = [string]$_.MessageId
            message = [string]$_.Message
        }
    })
$id = ''
if ($against.Count -eq 0) {
    $vm = Import-VM -CompatibilityReport $report
    Set-VM -VM $vm -AutomaticStartAction 'Nothing'
    Rename-VM -VM $vm -NewName $name
    $id = [string]$vm.Id
}
[pscustomobject]@{
    against = $against
    id = $id
}

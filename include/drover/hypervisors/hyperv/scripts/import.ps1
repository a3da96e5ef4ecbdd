# Makes a machine of what was exported to the folder $p.source, with its files below $p.folder; the exported ones stay.
# It is named $p.name, or as it was. Where something stands against it, that is told and nothing is made. Until it has
# its name its notes end with $p.mark, by which a retry knows it.
param($p)
$vm = $null
$unmarked = $false
$against = @()
$marked = @(Get-VM | Where-Object { ([string]$_.Notes).EndsWith($p.mark) })
if ($marked.Count -gt 0) {
    $vm = $marked[0]
    $name = [string]$vm.Name
} else {
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
}
if ($p.name) {
    $name = [string]$p.name
}
if (@(Get-VM | Where-Object { ($_.Name -eq $name) -and ([string]$_.Id -ne [string]$vm.Id) }).Count -gt 0) {
    throw "There is a machine named '$name' already"
}
if ($null -eq $vm) {
    # One that an earlier try could not mark before it was killed is known by where it lies alone.
    foreach ($other in @(Get-VM | Where-Object { $_.Path -eq $p.folder })) {
        throw "Machine '$($other.Name)' lies in $($p.folder) already, where this one would"
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
    if ($against.Count -eq 0) {
        # The host goes on with an import whoever asked for it, so the machine had better be marked from the beginning.
        try {
            Set-VM -VM $report.VM -AutomaticStartAction 'Nothing' -Notes ([string]$report.VM.Notes + $p.mark)
        } catch {
            $unmarked = $true
        }
        $vm = Import-VM -CompatibilityReport $report
        if ($unmarked -or -not ([string]$vm.Notes).EndsWith($p.mark)) {
            Set-VM -VM $vm -AutomaticStartAction 'Nothing' -Notes ([string]$vm.Notes + $p.mark)
        }
    }
}
$id = ''
if ($null -ne $vm) {
    $id = [string]$vm.Id
    $vm = Get-VM -Id $id
    if ([string]$vm.Name -ne $name) {
        Rename-VM -VM $vm -NewName $name
    }
    $notes = [string]$vm.Notes
    Set-VM -VM $vm -Notes ($notes.Substring(0, $notes.Length - $p.mark.Length))
}
[pscustomobject]@{
    against = $against
    id = $id
}

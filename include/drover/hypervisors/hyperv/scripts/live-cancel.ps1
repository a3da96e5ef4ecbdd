# Asks this host to end the moves of machine $p.id that run.
param($p)
$running = @(2, 3, 4, 5, 6)
$terminate = 4
Get-WmiObject -Namespace 'root/virtualization/v2' -Class 'Msvm_MigrationJob' |
    Where-Object { ($_.VirtualSystemName -eq $p.id) -and ($running -contains [int]$_.JobState) } |
    ForEach-Object {
        $done = $_.RequestStateChange($terminate, $null)
        [int]$done.ReturnValue
    }

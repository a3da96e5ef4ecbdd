# The moves of machines that this host knows of: those that run, and for five minutes those that ended.
param($p)
Get-WmiObject -Namespace 'root/virtualization/v2' -Class 'Msvm_MigrationJob' | ForEach-Object {
    [pscustomobject]@{
        machine = [string]$_.VirtualSystemName
        state = [int]$_.JobState
        percent = [int]$_.PercentComplete
        error = [string]$_.ErrorDescription
        submitted = [string]$_.TimeSubmitted
    }
}

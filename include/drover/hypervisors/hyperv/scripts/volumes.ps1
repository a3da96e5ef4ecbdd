# The local volumes of this host that have a place in its file system, those of a cluster among them.
param($p)
Get-CimInstance -ClassName 'Win32_Volume' | Where-Object { $_.DriveType -eq 3 } | ForEach-Object {
    [pscustomobject]@{
        path = [string]$_.Name
        label = [string]$_.Label
        capacity = [string]$_.Capacity
        free = [string]$_.FreeSpace
    }
}

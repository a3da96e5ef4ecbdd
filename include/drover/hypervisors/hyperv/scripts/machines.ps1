# Which machines there are.
param($p)
Get-VM | ForEach-Object {
    [pscustomobject]@{
        id = [string]$_.Id
        name = [string]$_.Name
    }
}

# The virtual switches of this host.
param($p)
Get-VMSwitch | ForEach-Object {
    [pscustomobject]@{
        name = [string]$_.Name
        type = [string]$_.SwitchType
        adapter = [string]$_.NetAdapterInterfaceDescription
    }
}

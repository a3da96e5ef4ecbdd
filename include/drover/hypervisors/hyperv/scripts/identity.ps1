# Gives machine $p.id the UUID that its guest sees ($p.uuid); no cmdlet can.
param($p)
$realized = 'Microsoft:Hyper-V:System:Realized'
$settings = Get-WmiObject -Namespace 'root/virtualization/v2' -Class 'Msvm_VirtualSystemSettingData' |
    Where-Object { ($_.VirtualSystemType -eq $realized) -and ($_.VirtualSystemIdentifier -eq $p.id) }
$service = Get-WmiObject -Namespace 'root/virtualization/v2' -Class 'Msvm_VirtualSystemManagementService'
$settings.BIOSGUID = '{' + $p.uuid.ToUpper() + '}'
$done = $service.ModifySystemSettings($settings.GetText(1))
[int]$done.ReturnValue

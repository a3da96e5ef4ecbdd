# Every file of every machine but $p.id: its disks and its checkpoints', and all that they lie upon.
param($p)
foreach ($vm in @(Get-VM | Where-Object { [string]$_.Id -ne $p.id })) {
    $drives = @(Get-VMHardDiskDrive -VM $vm)
    foreach ($snapshot in @(Get-VMSnapshot -VM $vm)) {
        $drives += @(Get-VMHardDiskDrive -VMSnapshot $snapshot)
    }
    foreach ($drive in @($drives | Where-Object { $null -eq $_.DiskNumber })) {
        $path = [string]$drive.Path
        while ($path) {
            $parent = ''
            $problem = ''
            try {
                $parent = [string](Get-VHD -Path $path).ParentPath
            } catch {
                $problem = [string]$_.Exception.Message
            }
            [pscustomobject]@{
                machine = [string]$vm.Name
                path = $path
                problem = $problem
            }
            $path = $parent
        }
    }
}

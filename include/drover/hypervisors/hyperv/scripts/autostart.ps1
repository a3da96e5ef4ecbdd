# Whether the host starts machine $p.id by itself: $p.enabled.
param($p)
$vm = Get-VM -Id $p.id
if ($p.enabled) {
    Set-VM -VM $vm -AutomaticStartAction 'Start'
} else {
    Set-VM -VM $vm -AutomaticStartAction 'Nothing'
}

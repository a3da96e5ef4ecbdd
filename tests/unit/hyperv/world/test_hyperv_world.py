"""A simulated Hyper-V host carries out the product's scripts, with real VHDX files and real processes."""

import subprocess
import uuid

import pytest
from worlds import DISK, MIB, Peer, definition, made

from drover_lab.hyperv.soap import NotModelledError
from drover_lab.hyperv.world import qemu
from drover_lab.hyperv.world.answers import refused


def test_a_machine_is_what_was_asked_for(hv: Peer) -> None:
    identity = made(hv)
    (found,) = hv.script("inventory", ids=[identity])
    assert (found["name"], found["state"], found["generation"], found["processors"]) == ("mill", "Off", 2, 2)
    assert (found["memory"], found["processorCompatibility"], found["notes"]) == (str(64 * MIB), True, "drover: 1")
    assert (found["secureBoot"], found["template"]) == ("On", "MicrosoftUEFICertificateAuthority")
    (disk,) = found["disks"]
    assert (disk["path"], disk["controller"], disk["size"], disk["format"], disk["type"]) == (
        DISK, "SCSI", str(16 * MIB), "VHDX", "Fixed",
    )  # fmt: skip
    (card,) = found["adapters"]
    assert (card["mac"], card["switch"], card["vlanMode"], card["vlan"]) == ("00155D010203", "production", "Access", 7)
    assert [one["type"] for one in found["boot"]] == ["Drive", "Network"]
    assert hv.script("machines") == [{"id": identity, "name": "mill"}]
    info = subprocess.run(["qemu-img", "check", "-f", "vhdx", str(hv.file())], capture_output=True, check=False)
    assert info.returncode == 0


def test_a_try_that_was_killed_while_it_took_away_an_earlier_one_stands_in_nobodys_way(
    hv: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    (left,) = hv.script("define", **definition())

    def killed(call: object) -> None:
        raise refused("killed")

    with monkeypatch.context() as patched:
        patched.setitem(hv.runner._known, "New-VM", killed)
        assert hv.refuses("define", **definition())["message"] == "killed"
    (again,) = hv.script("define", **definition())
    assert again != left
    assert hv.script("machines") == [{"id": again, "name": "drover 1"}]


def test_a_machine_of_generation_1_has_a_bios_and_ide(hv: Peer) -> None:
    disk = {"path": DISK, "size": 16 * MIB, "controller": "IDE", "number": 0, "location": 0}
    card = {"name": "n", "switch": "production", "mac": "00155D010203", "legacy": True, "vlan": 0}
    identity = made(hv, generation=1, disks=[disk], adapters=[card], boot=[], template=None)
    (found,) = hv.script("inventory", ids=[identity])
    assert found["disks"][0]["controller"] == "IDE"
    assert found["adapters"][0]["legacy"] is True
    assert [one["type"] for one in found["boot"]][0] == "CD"
    said = hv.fails("Get-VMFirmware -VM (Get-VM -Id $p.id)", id=identity)
    assert "generation 1" in said["message"]
    hv.script("power-on", id=identity)
    assert hv.script("state", id=identity) == ["Running"]


def test_new_vm_gives_a_nic_and_generation_1_a_dvd_drive(hv: Peer) -> None:
    script = (
        "$vm = New-VM -Name 'a' -Generation $p.g -NoVHD\n"
        "@(Get-VMNetworkAdapter -VM $vm).Count; @(Get-VMDvdDrive -VM $vm).Count"
    )
    assert hv.says(script, g=1) == [1, 1]
    assert hv.says(script, g=2) == [1, 0]


def test_a_machine_runs_as_a_process_is_paused_and_loses_its_power(hv: Peer) -> None:
    identity = made(hv)
    hv.script("power-on", id=identity)
    process = qemu.record(hv.host, hv.machine())
    assert process is not None
    hv.script("power-on", id=identity)  # a warning at most
    assert qemu.record(hv.host, hv.machine()) == process
    hv.says("Suspend-VM -VM (Get-VM -Id $p.id)", id=identity)
    assert hv.script("state", id=identity) == ["Paused"]
    hv.script("resume", id=identity)
    assert hv.fails("Remove-VM -Name 'mill' -Force")["category"] == "InvalidOperation"
    assert hv.fails("Remove-Item -LiteralPath $p.path", path=DISK)["category"] == "WriteError"
    # It boots no system that could shut down.
    assert "failed to shut down" in hv.refuses("shut-down", id=identity)["message"]
    hv.script("power-off", id=identity)
    assert hv.script("state", id=identity) == ["Off"]
    assert not process.alive()


def test_a_machine_whose_process_ended_is_off_and_another_process_of_the_host_sees_it(hv: Peer) -> None:
    identity = made(hv)
    hv.script("power-on", id=identity)
    again = Peer(hv.host.folder)
    assert again.script("state", id=identity) == ["Running"]
    qemu.kill(hv.host, hv.machine())
    assert again.script("state", id=identity) == ["Off"]


@pytest.mark.parametrize("running", [False, True])
def test_a_checkpoint_freezes_the_bytes_and_merges(hv: Peer, running: bool) -> None:
    identity = made(hv)
    if running:
        hv.script("power-on", id=identity)
    (snapshot,) = hv.script("checkpoint-make", id=identity, name="drover read")
    assert uuid.UUID(snapshot)
    frozen = hv.file().read_bytes()
    (found,) = hv.script("inventory", ids=[identity])
    (disk,) = found["disks"]
    assert disk["path"].endswith(".avhdx")
    assert (disk["type"], disk["parent"]) == ("Differencing", DISK)
    above = hv.file(disk["path"])
    if not running:
        write = ["qemu-io", "-f", "qcow2", "-c", "write -P 7 1M 64k", str(above)]
        subprocess.run(write, check=True, capture_output=True)
    assert hv.file().read_bytes() == frozen
    assert hv.script("checkpoint-remove", id=identity, name="drover read") == [DISK]
    assert not above.exists()
    assert hv.script("inventory", ids=[identity])[0]["snapshots"] == []
    if not running:
        read = ["qemu-io", "-f", "vhdx", "-c", "read -P 7 1M 64k", str(hv.file())]
        assert b"failed" not in subprocess.run(read, check=True, capture_output=True).stdout


def test_a_trial_leaves_no_trace(hv: Peer) -> None:
    identity = made(hv)
    assert hv.script("trial-begin", id=identity, name="trial", switch="isolated") == ["isolated"]
    (found,) = hv.script("inventory", ids=[identity])
    above = hv.file(found["disks"][0]["path"])
    subprocess.run(["qemu-io", "-f", "qcow2", "-c", "write -P 7 0 64k", str(above)], check=True, capture_output=True)
    assert hv.script("trial-end", id=identity, name="trial") == [DISK]
    (found,) = hv.script("inventory", ids=[identity])
    assert (found["adapters"][0]["switch"], found["snapshots"]) == ("production", [])
    read = ["qemu-io", "-f", "vhdx", "-c", "read -P 0 0 64k", str(hv.file())]
    assert b"failed" not in subprocess.run(read, check=True, capture_output=True).stdout


def test_the_guests_uuid_is_set_by_wmi(hv: Peer) -> None:
    identity, wanted = made(hv), str(uuid.uuid4())
    assert hv.script("identity", id=identity.upper(), uuid=wanted) == [0]
    assert hv.machine()["bios"] == wanted
    assert hv.script("inventory", ids=[identity])[0]["biosGuid"] == "{" + wanted.upper() + "}"


@pytest.mark.parametrize("services", [[], None])
def test_services_that_nobody_asks_for_stay_as_they_are(hv: Peer, services: list[object] | None) -> None:
    """Without the one for shutting down no cold move gets its machine off."""
    (found,) = hv.script("inventory", ids=[made(hv, services=services)])
    on = {one["name"] for one in found["services"] if one["enabled"]}
    assert on == {"Heartbeat", "Key-Value Pair Exchange", "Shutdown", "Time Synchronization", "VSS"}


def test_settings_and_services_of_another_host_are_kept(hv: Peer) -> None:
    kept = {"startDelay": 90, "stopAction": "ShutDown", "checkpointType": "ProductionOnly"}
    wanted = {"9F8233AC-BE49-4C79-8EE3-E7E1985B2077": False, "6C09BB55-D683-4DA0-8931-C9BF705F6480": True}
    identity = made(hv, settings=kept, services=[{"kind": kind, "enabled": on} for kind, on in wanted.items()])
    (found,) = hv.script("inventory", ids=[identity])
    assert {name: found[name] for name in kept} == kept | {"startDelay": "90"}
    services = {one["id"].rpartition("\\")[2]: one["enabled"] for one in found["services"]}
    assert {kind: services.pop(kind) for kind in wanted} == wanted
    assert set(services.values()) == {True}
    assert hv.machine()["automatic"] is False


def test_a_host_without_automatic_checkpoints_is_not_told_to_make_none(hv: Peer) -> None:
    with hv.host.state() as state:
        state["missing_parameters"] = ["Set-VM AutomaticCheckpointsEnabled"]
    assert "AutomaticCheckpointsEnabled" in hv.fails(
        "Set-VM -VM (New-VM -Name 'x' -NoVHD) -AutomaticCheckpointsEnabled $true"
    )["message"]  # fmt: skip
    assert made(hv)


def test_what_is_removed_is_gone_with_its_disks(hv: Peer) -> None:
    identity = made(hv)
    hv.script("remove", id=identity, disks=[DISK])
    assert hv.script("machines") == []
    assert not hv.file().exists()


def test_a_reboot_of_the_host_ends_what_ran(hv: Peer) -> None:
    identity = made(hv)
    hv.script("power-on", id=identity)
    hv.runner.reboot()
    assert hv.script("state", id=identity) == ["Off"]


REFUSED = [
    ("Get-VM -Name 'none'", "InvalidArgument", "InvalidParameter,Microsoft.HyperV.PowerShell.Commands.GetVM"),
    ("Get-VM -Nam 'none'", None, ""),
    ("Get-VM -Colour 'red'", "InvalidArgument", "NamedParameterNotFound,Microsoft.HyperV.PowerShell.Commands.GetVM"),
    ("New-VM -Name 'a' -Generation 3", "InvalidData", "ParameterArgumentValidationError,"),
    ("New-VM -Name 'a' -NoVHD -SwitchName 'none'", "InvalidArgument", "InvalidParameter,"),
    ("New-VM -Name 'a' -NoVHD -Version '99.0'", "InvalidArgument", "InvalidParameter,"),
    ("New-VHD -Path 'D:\\none\\a.vhdx' -SizeBytes 16MB -Fixed", "ObjectNotFound", "ObjectNotFound,Microsoft.Vhd."),
    ("New-VHD -Path 'D:\\a.vhdx' -SizeBytes 65GB -Fixed", "ResourceUnavailable", "OperationFailed,"),
    ("New-VHD -Path 'D:\\a.vhdx' -SizeBytes 1 -Dynamic", "InvalidArgument", "InvalidParameter,"),
    ("Get-VHD -Path 'D:\\none.vhdx'", "ObjectNotFound", "ObjectNotFound,"),
    ("Get-Item -LiteralPath 'D:\\none'", "ObjectNotFound", "PathNotFound,"),
    ("Get-Item -LiteralPath 'X:\\none'", "ObjectNotFound", "DriveNotFound,"),
    ("$vm = New-VM -Name 'a' -NoVHD\nSet-VMProcessor -VM $vm -Count 99", "InvalidArgument", "InvalidParameter,"),
    ("$vm = New-VM -Name 'a' -NoVHD\nAdd-VMNetworkAdapter -VM $vm -SwitchName 'none'", "InvalidArgument", "Invalid"),
    ("$vm = New-VM -Name 'a' -NoVHD\nAdd-VMNetworkAdapter -VM $vm -StaticMacAddress 'zz'", "InvalidArgument", "Inv"),
    ("$vm = New-VM -Name 'a' -NoVHD\nRemove-VM -VM $vm", "InvalidOperation", "InvalidOperation,"),
    (
        "$vm = New-VM -Name 'a' -NoVHD -Generation 2\nSet-VMFirmware -VM $vm -SecureBootTemplate 'x'",
        "InvalidArgument",
        "InvalidParameter,",
    ),
    ("New-VM -Name 'a' -NoVHD -MemoryStartupBytes 17GB | Out-Null\nStart-VM -Name 'a'", "NotSpecified", "OperationF"),
    (
        "$vm = New-VM -Name 'a' -NoVHD\n"
        "Add-VMHardDiskDrive -VM $vm -ControllerType IDE -ControllerNumber 9 -ControllerLocation 0 -Path 'D:\\a.vhdx'",
        "InvalidArgument",
        "InvalidParameter,",
    ),
]


@pytest.mark.parametrize(("script", "category", "identity"), REFUSED)
def test_what_a_host_refuses(hv: Peer, script: str, category: str | None, identity: str) -> None:
    if category is None:
        with pytest.raises(NotModelledError):
            hv.fails(script)
        return
    found = hv.fails(script)
    assert found["category"] == category
    assert found["id"].startswith(identity)


@pytest.mark.parametrize(
    "script",
    [
        "Get-VM -Name 'a*'", "Get-VM -Name 'a' -ComputerName 'b'", "Measure-VM -VMName 'a'", "Get-Volume",
        "Get-VHD -Path '\\\\hv-b\\d$\\a.vhdx'", "New-VHD -Path 'D:\\a.vhd' -SizeBytes 16MB", "Get-VM 'a'",
        "Get-CimInstance -ClassName 'Win32_BIOS'", "(Get-VMHost).NumaSpanningEnabled", "Set-VM -Name 'a' -StaticMemory",
        "Get-VMHost | ConvertTo-Json -Compress", "Stop-VM -Name 'a' -Save",
    ],
)  # fmt: skip
def test_what_is_not_modelled_is_said(hv: Peer, script: str) -> None:
    with pytest.raises(NotModelledError):
        hv.fails(script)


def test_a_missing_machine_can_be_passed_over(hv: Peer) -> None:
    assert hv.says("@(Get-VM -Name 'none' -ErrorAction SilentlyContinue).Count") == [0]

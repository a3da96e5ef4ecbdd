"""What a simulated Hyper-V host tells of itself and its machines, and what it cannot tell, by the product's scripts."""

import uuid

from worlds import DISK, GIB, MIB, Peer, definition, made


def test_a_machine_that_runs_tells_its_system(hv: Peer) -> None:
    identity = made(hv)
    assert hv.script("inventory", ids=[identity])[0]["system"] == []
    hv.script("power-on", id=identity)
    (told,) = hv.script("inventory", ids=[identity])[0]["system"]
    assert "<VALUE>Debian GNU/Linux</VALUE>" in told


def test_what_of_the_host_a_machine_has_is_told_and_what_cannot_be_asked(hv: Peer) -> None:
    identity = made(hv)
    with hv.host.state() as state:
        handed = {"assigned": ["PCIROOT(0)"], "gpus": ["GPU 1"], "fibre": ["SAN 1"], "ports": ["", "\\\\.\\pipe\\a"]}
        state["machines"][identity].update(handed)
    (found,) = hv.script("inventory", ids=[identity])
    assert found["handed"] == [
        "fibre-channel SAN 1",
        "serial \\\\.\\pipe\\a",
        "hostdev PCIROOT(0)",
        "gpu-partition GPU 1",
    ]
    assert found["notAsked"] == []
    with hv.host.state() as state:
        state["missing_cmdlets"] = ["Get-VMGpuPartitionAdapter", "Get-VMAssignableDevice"]
    (found,) = hv.script("inventory", ids=[identity])
    assert found["handed"] == ["fibre-channel SAN 1", "serial \\\\.\\pipe\\a"]
    assert [kind.partition(" (")[0] for kind in found["notAsked"]] == ["devices handed through", "GPU partitions"]


def test_what_windows_tells_nothing_of_is_told_as_nothing(hv: Peer) -> None:
    identity = made(hv)
    (found,) = hv.script("inventory", ids=[identity])
    assert (found["adapters"][0]["sriov"], found["adapters"][0]["vlan"]) == (False, 7)
    with hv.host.state() as state:
        machine = state["machines"][identity]
        machine["compatibility"] = None
        machine["adapters"][0] |= {"iov": None, "legacy": None, "vlan": None, "dynamic": None}
        machine["services"]["Shutdown"] = None
    (found,) = hv.script("inventory", ids=[identity])
    (card,) = found["adapters"]
    assert [card[name] for name in ("sriov", "legacy", "vlan", "dynamicMac")] == [None] * 4
    assert found["processorCompatibility"] is None
    assert [one["enabled"] for one in found["services"] if one["name"] == "Shutdown"] == [None]
    with hv.host.state() as state:
        state["machines"][identity]["adapters"][0]["iov"] = 50
    (found,) = hv.script("inventory", ids=[identity])
    assert found["adapters"][0]["sriov"] is True


def test_a_machine_that_cannot_be_read_keeps_no_other_from_it(hv: Peer) -> None:
    broken = made(hv)
    whole = hv.script("define", **definition(workingName="other", disks=[], adapters=[], boot=[]))[0]
    with hv.host.state() as state:
        state["machines"][broken]["broken"] = ["Get-VMProcessor"]
    found = {one["name"]: one for one in hv.script("inventory", ids=[broken, whole])}
    assert found["other"]["processors"] == 2
    assert found["mill"]["problem"] == "The operation failed for 'mill': the system cannot find the file specified."
    assert (found["mill"]["id"], found["mill"]["state"], found["mill"]["notes"]) == (broken, "Off", "drover: 1")
    assert uuid.UUID(found["mill"]["biosGuid"])
    with hv.host.state() as state:
        state["machines"][broken]["bios"] = ""
    assert hv.refuses("inventory", ids=[broken])["message"].startswith("Nobody can tell which machine 'mill' is: The")


def test_what_a_host_does_not_tell_is_nothing_and_not_no(hv: Peer) -> None:
    identity = made(hv)
    assert hv.script("inventory", ids=[identity])[0]["clustered"] is False
    with hv.host.state() as state:
        state["machines"][identity].update(clustered=None, nested=None, shielded=None)
    (found,) = hv.script("inventory", ids=[identity])
    assert [found[fact] for fact in ("clustered", "nested", "shielded")] == [None, None, None]


def test_shares_of_the_host_floppies_and_addresses_are_told(hv: Peer) -> None:
    disk = {"path": DISK, "size": 16 * MIB, "controller": "IDE", "number": 0, "location": 0}
    identity = made(hv, generation=1, disks=[disk], boot=[], template=None)
    with hv.host.state() as state:
        machine = state["machines"][identity]
        machine.update({"cpu Reserve": 10, "cpu Maximum": 50, "memory weight": 80, "floppy": "D:\\a.vfd"})
        machine["adapters"][0]["addresses"] = ["192.0.2.7", "192.0.2.8"]
    (found,) = hv.script("inventory", ids=[identity])
    shares = ("processorReserve", "processorLimit", "processorWeight", "memoryWeight")
    assert [found[share] for share in shares] == ["10", "50", "100", "80"]
    assert found["floppies"] == ["D:\\a.vfd"]
    assert found["adapters"][0]["addresses"] == ["192.0.2.7", "192.0.2.8"]


def test_the_host_tells_what_it_is(hv: Peer) -> None:
    (found,) = hv.script("host")
    assert (found["name"], found["processors"], found["memory"]) == ("hv-a", 4, str(16 * GIB))
    assert [one["name"] for one in hv.script("switches")] == ["production", "isolated"]
    assert {one["path"] for one in hv.script("volumes")} == {"C:\\", "D:\\"}

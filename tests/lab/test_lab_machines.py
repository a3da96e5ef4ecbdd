"""The machines: they boot from their own disks, tick, answer, obey, move, and can be brought back."""

import time
import urllib.error
import urllib.request
from xml.etree import ElementTree

import pytest

from drover_lab import machines, virsh
from drover_lab.guests import ON_KVM
from drover_lab.lab import Lab
from drover_lab.process import wait_until

pytestmark = pytest.mark.lab


def definition(lab: Lab, host: str, name: str) -> ElementTree.Element:
    return ElementTree.fromstring(lab.virsh(host, "dumpxml", name, "--inactive"))


def wait_off(lab: Lab, host: str, name: str) -> None:
    wait_until(f"{name} is off", lambda: lab.states()[host].get(name) == "off", deadline=60, interval=0.5)


def gaps(ticks: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Steps in number and time between neighbours; one and one is what they should be."""
    return [(b[0] - a[0], b[1] - a[1]) for a, b in zip(ticks, ticks[1:], strict=False)]


@pytest.mark.parametrize("name", ON_KVM)
def test_every_machine_answers_and_ticks(lab: Lab, name: str) -> None:
    first = lab.health(name)
    assert first is not None
    assert (first["status"], first["name"]) == ("ok", name)
    wait_until(f"{name} ticks", lambda: lab.health(name)["tick"] >= first["tick"] + 4, deadline=30)  # type: ignore[index]
    steps = gaps(lab.journal(name)[-4:])
    assert [number for number, _ in steps] == [1, 1, 1]
    # On a busy machine a second may come late, but never twice.
    assert all(1 <= seconds <= 3 for _, seconds in steps)


def test_what_is_not_there_is_not_found(lab: Lab) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{lab.machines['web'].url}/nothing", timeout=5)


def test_they_boot_from_their_own_disks_as_promised(lab: Lab) -> None:
    found = {name: definition(lab, "kvm-a", name) for name in ON_KVM}
    for name, domain in found.items():
        assert domain.find("os/kernel") is None
        assert domain.findtext("devices/interface/mac/..") is not None
        mac = domain.find("devices/interface/mac")
        assert mac is not None
        assert mac.get("address") == lab.machines[name].mac
    formats = {
        name: [driver.get("type") for driver in domain.findall("devices/disk/driver")] for name, domain in found.items()
    }
    assert formats == {"db": ["raw"], "web": ["qcow2"], "files": ["qcow2", "raw"], "archive": ["qcow2"]}
    assert [name for name, domain in found.items() if domain.find("os/loader") is not None] == ["db"]


def test_the_archive_is_mostly_holes(lab: Lab) -> None:
    words = lab.virsh("kvm-a", "domblkinfo", "archive", "vda").split()
    capacity, allocation = int(words[words.index("Capacity:") + 1]), int(words[words.index("Allocation:") + 1])
    assert capacity == 8 * 1024**3
    assert allocation < capacity // 50


def test_the_power_button_ends_it_cleanly_and_counting_goes_on(lab: Lab) -> None:
    before = lab.journal("web")
    lab.virsh("kvm-a", "shutdown", "web")
    wait_off(lab, "kvm-a", "web")
    lab.virsh("kvm-a", "start", "web")
    lab.wait_healthy("web")
    wait_until("web ticks", lambda: len(lab.journal("web")) > len(before) + 2, deadline=60)
    ticks = lab.journal("web")
    assert ticks[: len(before)] == before
    assert {number for number, _ in gaps(ticks)} == {1}


def test_a_machine_moves_while_it_runs_and_reset_brings_it_back(lab: Lab) -> None:
    lab.run("kvm-b", ["qemu-img", "create", "-q", "-f", "qcow2", "/var/lib/libvirt/images/web.qcow2", "256M"])
    before = lab.journal("web")
    peer = lab.connection("kvm-b")["extra"]["peer_uri"]
    lab.virsh("kvm-a", "migrate", "--live", "--p2p", "--copy-storage-all", "--persistent", "web", peer)
    assert lab.states()["kvm-a"]["web"] == "off"
    assert lab.states()["kvm-b"]["web"] == "running"
    after = lab.journal("web")
    assert after[: len(before)] == before
    assert {number for number, _ in gaps(after)} == {1}
    lab.run("kvm-b", ["touch", "/var/lib/libvirt/images/web-vda.qcow2"])  # as a wave names its disks
    lab.reset("web")
    assert "web" not in lab.states()["kvm-b"]
    assert lab.states()["kvm-a"]["web"] == "running"
    assert lab.journal("web")[0][0] == 1
    assert lab.run("kvm-b", ["ls", "/var/lib/libvirt/images"]) == ""


def test_on_the_isolated_network_only_its_host_reaches_it(lab: Lab) -> None:
    original = lab.virsh("kvm-a", "dumpxml", "web", "--inactive")
    where = lab.topology.host("kvm-a")
    lab.virsh("kvm-a", "shutdown", "web")
    wait_off(lab, "kvm-a", "web")
    try:
        isolated = original.replace("network='production'", "network='isolated'")
        assert isolated != original
        virsh.virsh(lab.topology, where, "define", "/dev/stdin", stdin=isolated)
        lab.virsh("kvm-a", "start", "web")
        ask = ["curl", "-s", "-m", "2", f"{lab.machines['web'].url}/health"]
        wait_until(
            "web answers its host", lambda: '"ok"' in lab.run("kvm-a", ask, check=False), deadline=machines.BOOT_SECONDS
        )
        assert lab.run("kvm-b", ask, check=False) == ""
        assert lab.health("web") is None
    finally:
        lab.reset("web")


def test_a_host_that_loses_power_comes_back_with_its_machines(lab: Lab) -> None:
    before = {name: len(lab.journal(name)) for name in ON_KVM}
    lab.stop_host("kvm-a")
    assert lab.states()["kvm-a"] == {}
    lab.start_host("kvm-a")
    deadline = time.monotonic() + 180
    for name in ON_KVM:
        lab.wait_healthy(name)
        assert time.monotonic() < deadline
        assert len(lab.journal(name)) >= before[name] - 1, "each tick was on the disk before the next"


def test_reset_all_clears_what_others_made(lab: Lab) -> None:
    lab.run("kvm-b", ["touch", "/var/lib/libvirt/images/stray.img", "/var/lib/libvirt/small/stray"])
    stray = definition(lab, "kvm-a", "web")
    for path, value in (("name", "stray"), ("uuid", "7b0c2c7e-4a5f-4a53-9a25-3d1a9a1f0001")):
        element = stray.find(path)
        assert element is not None
        element.text = value
    text = ElementTree.tostring(stray, encoding="unicode")
    virsh.virsh(lab.topology, lab.topology.host("kvm-b"), "define", "/dev/stdin", stdin=text)
    lab.reset_all()
    assert lab.states() == {"kvm-a": dict.fromkeys(ON_KVM, "running"), "kvm-b": {}}
    assert lab.run("kvm-b", ["find", "/var/lib/libvirt/images", "/var/lib/libvirt/small", "-type", "f"]) == ""

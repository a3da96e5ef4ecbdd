"""What can reach what, and how fast."""

import socket
import subprocess
import time
from collections.abc import Callable

import pytest

from drover_lab import lab as labs
from drover_lab.lab import Lab
from drover_lab.process import run

pytestmark = pytest.mark.lab
MIB = 1024 * 1024


def rate(lab: Lab, source: str, amount: int) -> float:
    """Bits a second from a host to the controller, which is at site a. :param amount: bytes."""
    begun = time.monotonic()
    command = f"head -c {amount} /dev/zero"
    result = subprocess.run([*lab.ssh_command(source), command], stdout=subprocess.PIPE, check=True)
    assert len(result.stdout) == amount
    return 8 * amount / (time.monotonic() - begun)


def test_the_line_between_the_sites_is_limited_and_nothing_else_is(empty_lab: Callable[[str], Lab]) -> None:
    lab = empty_lab("rate")
    lab.set_link_rate("40mbit")
    # Some of the first bytes pass at once (the burst); the log-in takes time that is not the line's.
    across = rate(lab, "kvm-b", 16 * MIB)
    assert 20e6 < across < 44e6
    assert rate(lab, "kvm-a", 16 * MIB) > 2 * across


def test_the_line_is_limited_in_both_directions(empty_lab: Callable[[str], Lab]) -> None:
    lab = empty_lab("both")
    lab.set_link_rate("40mbit")
    begun = time.monotonic()
    run([*lab.ssh_command("kvm-b"), "cat >/dev/null"], stdin=bytes(16 * MIB))
    assert 8 * 16 * MIB / (time.monotonic() - begun) < 44e6


def test_up_keeps_the_rate_that_was_asked_for(empty_lab: Callable[[str], Lab]) -> None:
    lab = empty_lab("keep")
    again = labs.up(lab.name, link_rate="123mbit")
    qdisc = run(["tc", "-n", again.topology.site_namespace("b"), "qdisc", "show", "dev", "line-m"]).stdout.decode()
    assert "tbf" in qdisc
    assert "rate 123Mbit" in qdisc
    assert labs.up(lab.name).topology.state.link_rate == "123mbit"


def test_hosts_reach_each_other_and_no_more_than_they_should(empty_lab: Callable[[str], Lab]) -> None:
    lab = empty_lab("reach")
    near, far = lab.hosts
    # Root on one host logs in on the other with its own key, as peer-to-peer migration does.
    assert lab.run(near.name, ["ssh", "-o", "BatchMode=yes", far.name, "hostname"]).strip() == far.name
    assert lab.run(far.name, ["ssh", "-o", "BatchMode=yes", near.address, "hostname"]).strip() == near.name
    routes = lab.run(near.name, ["ip", "-4", "route", "show"]).splitlines()
    assert sorted(line.split(" proto")[0] for line in routes) == [
        f"10.213.{lab.topology.state.slot}.0/24 dev eth0",
        f"10.214.{lab.topology.state.slot}.0/24 dev isolated",
    ]
    # The isolated address is nobody's on production: not refused, but never answered.
    with pytest.raises((TimeoutError, OSError)) as caught:
        socket.create_connection((lab.topology.isolated_address, 22), timeout=2)
    assert not isinstance(caught.value, ConnectionRefusedError)


def test_only_ssh_listens(empty_lab: Callable[[str], Lab]) -> None:
    lab = empty_lab("ports")
    for where in lab.hosts:
        lines = lab.run(where.name, ["ss", "-H", "-lntu"]).splitlines()
        assert [line.split()[4] for line in lines] == [f"{where.address}:22"]


def test_a_host_does_not_see_the_controllers_files(empty_lab: Callable[[str], Lab]) -> None:
    lab = empty_lab("files")
    assert lab.run("kvm-a", ["ls", "/var/lib/drover"]) == ""
    assert lab.run("kvm-a", ["hostname"]).strip() == "kvm-a"
    lab.run("kvm-a", ["touch", "/tmp/only-here", "/var/lib/libvirt/images/only-here"])
    assert lab.run("kvm-b", ["ls", "/tmp", "/var/lib/libvirt/images"]).find("only-here") == -1


def test_the_small_pool_is_small(empty_lab: Callable[[str], Lab]) -> None:
    lab = empty_lab("small")
    assert "64.00 MiB" in lab.virsh("kvm-b", "pool-info", "small")
    assert "/var/lib/libvirt/small" in lab.virsh("kvm-b", "pool-dumpxml", "small")

"""Disks as exports: what is read is what is on the host, whoever was killed before."""

import hashlib
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable

import pytest
from kvm_hosts import FOLDER, digest, settings_for

from drover.blocks.endpoint import Endpoint
from drover.errors import OperatorNeededError, RetryableError
from drover.hypervisors.libvirt import nbd_server
from drover.hypervisors.libvirt.hypervisor import LibvirtHypervisor
from drover.model import PowerState, VirtualMachine
from drover_lab.lab import Lab

pytestmark = pytest.mark.lab
Make = Callable[..., VirtualMachine]


def read(endpoint: Endpoint) -> str:
    import nbd

    handle = nbd.NBD()
    handle.connect_uri(endpoint.uri)
    size, sha = handle.get_size(), hashlib.sha256()
    assert size == endpoint.size
    for offset in range(0, size, 1 << 20):
        sha.update(handle.pread(min(1 << 20, size - offset), offset))
    handle.shutdown()
    return sha.hexdigest()


def fill(endpoint: Endpoint, pattern: bytes) -> None:
    import nbd

    handle = nbd.NBD()
    handle.connect_uri(endpoint.uri)
    for offset in range(0, handle.get_size(), 1 << 20):
        handle.pwrite(pattern * (1 << 20), offset)
    handle.flush()
    handle.shutdown()


def truth(a: LibvirtHypervisor) -> dict[str, str]:
    return {
        "vda": digest(a, f"{FOLDER}/test-vda.qcow2", "qcow2"),
        "vdb": digest(a, f"{FOLDER}/test-vdb.raw", "raw"),
    }


def leftovers(hypervisor: LibvirtHypervisor) -> str:
    """qemu-nbd sockets, backup sockets and scratch files on the host."""
    script = f"ls -A /run/drover 2>/dev/null; ls {FOLDER} /var/lib/libvirt/qemu/domain-* 2>/dev/null | grep drover"
    return hypervisor.connection.ssh.run(["sh", "-c", script]).out.decode()


@pytest.mark.parametrize("running", [False, True])
def test_disks_read_are_the_disks_on_the_host(a: LibvirtHypervisor, make: Make, running: bool) -> None:
    machine = make()
    if running:
        a.power_on(machine.name)
    with a.read_disks(machine.name) as disks:
        assert {name: read(endpoint) for name, endpoint in disks.items()} == truth(a)
        assert all(bool(endpoint.version) is not running for endpoint in disks.values())
    assert leftovers(a) == ""


_HOLD = """
import sys
sys.path.insert(0, {here!r})
import nbd
from kvm_hosts import spec_of
from drover.hypervisors.libvirt import nbd_server
from drover.hypervisors.libvirt.hypervisor import LibvirtHypervisor
from drover_lab.lab import Lab
with LibvirtHypervisor(spec_of(Lab.load({lab!r}), "kvm-a")) as a, a.read_disks({name!r}) as disks:
    handle = nbd.NBD()
    handle.connect_uri(disks["vda"].uri)
    print("reading", flush=True)
    sys.stdin.read()
"""


def kill_a_reader(lab: Lab, name: str) -> None:
    code = textwrap.dedent(_HOLD).format(here=os.path.dirname(__file__), lab=lab.name, name=name)
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "reading\n"
        process.send_signal(signal.SIGKILL)


@pytest.mark.parametrize("running", [False, True])
def test_retry_after_a_killed_reader_cleans_up(kvm_lab: Lab, a: LibvirtHypervisor, make: Make, running: bool) -> None:
    machine = make()
    if running:
        a.power_on(machine.name)
    kill_a_reader(kvm_lab, machine.name)
    assert leftovers(a) != "", "the killed reader must leave something, or this test tests nothing"
    with a.read_disks(machine.name) as disks:
        assert {name: read(endpoint) for name, endpoint in disks.items()} == truth(a)
    assert leftovers(a) == ""


def test_foreign_backup_job_is_left_alone(a: LibvirtHypervisor, make: Make) -> None:
    machine = make()
    a.power_on(machine.name)
    domain = a.connection.domain(machine.name)
    domain.backupBegin(
        "<domainbackup mode='pull'><server transport='unix' socket='/run/other.sock'/></domainbackup>", None
    )
    with pytest.raises(OperatorNeededError, match="Drover did not start"), a.read_disks(machine.name):
        pass
    assert "/run/other.sock" in domain.backupGetXMLDesc()
    domain.abortJob()


def test_machine_started_while_read_makes_the_reading_worthless(a: LibvirtHypervisor, make: Make) -> None:
    machine = make()
    reading = a.read_disks(machine.name)
    reading.__enter__()
    with pytest.raises(OperatorNeededError, match="locked by another program"):
        a.power_on(machine.name)
    for disk in machine.disks:  # As if the images lay where locks do not work.
        nbd_server.stop(a.connection, machine, disk)
    a.power_on(machine.name)
    with pytest.raises(RetryableError, match="was started while"):
        reading.__exit__(None, None, None)


def test_paused_machine_is_read_too(a: LibvirtHypervisor, make: Make) -> None:
    machine = make()
    a.power_on(machine.name)
    a.connection.domain(machine.name).suspend()
    with a.read_disks(machine.name) as disks:
        assert {name: read(endpoint) for name, endpoint in disks.items()} == truth(a)
    assert a.power_state(machine.name) is PowerState.PAUSED
    a.resume(machine.name)
    assert a.power_state(machine.name) is PowerState.RUNNING


def test_writing_is_for_the_owner_and_keeps_the_machine_off(b: LibvirtHypervisor, make: Make) -> None:
    machine = make()
    settings = settings_for(machine)
    b.define(machine, settings)
    other = settings_for(machine, wave="other").owner
    with pytest.raises(OperatorNeededError, match="was not made by this move"), b.write_disks(machine.name, other):
        pass
    with b.write_disks(machine.name, settings.owner) as disks:
        fill(disks["vdb"], b"\x2a")
        with pytest.raises(OperatorNeededError, match="locked by another program"):
            b.power_on(machine.name)
    with b.read_disks(machine.name) as disks:
        assert read(disks["vdb"]) == hashlib.sha256(b"\x2a" * (8 << 20)).hexdigest()
    b.power_on(machine.name)
    with pytest.raises(OperatorNeededError, match="is not off"), b.write_disks(machine.name, settings.owner):
        pass


def test_truncated_image_is_refused_in_words(a: LibvirtHypervisor, make: Make) -> None:
    machine = make()
    a.connection.ssh.check(["sh", "-c", f"rm {FOLDER}/test-vda.qcow2"])
    with pytest.raises(OperatorNeededError, match=r"Disk vda .* cannot be opened on kvm-a"), a.read_disks(machine.name):
        pass
    assert "unreadable-disk-vda" in a.machine(machine.name).devices

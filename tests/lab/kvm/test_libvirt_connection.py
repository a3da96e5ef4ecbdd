"""Reaching a host, and what is said when that fails."""

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from kvm_hosts import ODD_NAME, spec_of

from drover.errors import BadInputError, OperatorNeededError, RetryableError
from drover.hypervisors.libvirt.hypervisor import LibvirtHypervisor
from drover.hypervisors.registry import connect
from drover.model import Firmware, PowerState, VirtualMachine
from drover_lab.lab import Lab

pytestmark = pytest.mark.lab
Make = Callable[..., VirtualMachine]


@pytest.fixture
def stranger(tmp_path: Path) -> Path:
    """A key that the hosts do not know."""
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    return key


def test_changed_host_key_is_told(kvm_lab: Lab, stranger: Path) -> None:
    spec = spec_of(kvm_lab, "kvm-a")
    kind, key = stranger.with_suffix(".pub").read_text().split()[:2]
    spec = spec_of(kvm_lab, "kvm-a", known_hosts=f"{spec.host} {kind} {key}\n")
    with pytest.raises(OperatorNeededError, match=f"The SSH host key of {spec.host} has changed: expected SHA256"):
        connect(spec)


def test_unknown_host_key_is_refused_unless_turned_off(kvm_lab: Lab) -> None:
    spec = spec_of(kvm_lab, "kvm-a", known_hosts="# nobody\n")
    with pytest.raises(OperatorNeededError, match="is not in the connection's known_hosts"):
        connect(spec)
    with connect(replace(spec, extra={**spec.extra, "verify_host_key": False})) as hypervisor:
        assert hypervisor.host().name == "kvm-a"


def test_key_may_be_given_as_text(kvm_lab: Lab) -> None:
    spec = spec_of(kvm_lab, "kvm-a")
    extra = {**spec.extra, "private_key": Path(str(spec.extra["private_key_file"])).read_text()}
    del extra["private_key_file"]
    with connect(replace(spec, extra=extra)) as hypervisor:
        assert hypervisor.host().name == "kvm-a"


def test_wrong_key_and_nonsense_key_are_told(kvm_lab: Lab, stranger: Path) -> None:
    with pytest.raises(OperatorNeededError, match="refuses the login"):
        connect(spec_of(kvm_lab, "kvm-a", private_key_file=str(stranger)))
    with pytest.raises(BadInputError, match="private key of the connection 'lab_kvm_a' cannot be read") as caught:
        connect(spec_of(kvm_lab, "kvm-a", private_key="-----BEGIN NONSENSE-----"))
    assert "NONSENSE" not in str(caught.value)


def test_silent_host_may_be_tried_again(kvm_lab: Lab) -> None:
    with pytest.raises(RetryableError, match=r"The connection to .* failed|SSH connection to .* failed"):
        connect(replace(spec_of(kvm_lab, "kvm-a"), port=1))


def test_unknown_machine_is_bad_input(a: LibvirtHypervisor) -> None:
    for name in ("nobody", "no/body", "no\nbody", "no\0body", ""):
        with pytest.raises(BadInputError, match="There is no machine named"):
            a.machine(name)
        assert a.find(name) is None


def test_commands_keep_their_arguments_apart(a: LibvirtHypervisor) -> None:
    awkward = ["it's", 'a "b"', "$(id)", "new\nline", "", "*", "ümlaut"]
    out = a.connection.ssh.check(["printf", "%s\\0", *awkward])
    assert out.decode().split("\0")[:-1] == awkward


def test_long_output_arrives_whole(a: LibvirtHypervisor) -> None:
    """The exit status of a command may overtake its output; what came later was once lost, now and then."""
    for _ in range(20):
        assert len(a.connection.ssh.check(["head", "-c", "3000000", "/dev/zero"])) == 3_000_000
    failed = a.connection.ssh.run(["sh", "-c", "head -c 300000 /dev/zero >&2; exit 3"])
    assert (failed.status, len(failed.err)) == (3, 300_000)


def test_a_command_that_never_ends_is_given_up(a: LibvirtHypervisor) -> None:
    with pytest.raises(RetryableError, match="The command sleep on .* did not end in time"):
        a.connection.ssh.run(["sleep", "60"], deadline=0.5)
    assert a.connection.ssh.run(["sh", "-c", "kill -9 $$"]).status != 0


def test_inventory_says_what_the_host_has(a: LibvirtHypervisor, make: Make) -> None:
    machine = make(uefi=True)
    assert (machine.name, machine.host, machine.state) == (ODD_NAME, "kvm-a", PowerState.OFF)
    assert (machine.memory, machine.firmware, machine.secure_boot) == (64 << 20, Firmware.UEFI, False)
    assert [(d.name, d.size, d.format.value, d.pool) for d in machine.disks] == [
        ("vda", 24 << 20, "qcow2", "default"),
        ("vdb", 8 << 20, "raw", "default"),
    ]
    assert all(0 < disk.allocated < disk.size for disk in machine.disks)
    assert machine.nics[0].mac == "52:54:00:ab:cd:01"
    assert a.machines() == [machine]
    host = a.host()
    assert host.name == "kvm-a"
    assert {Firmware.BIOS, Firmware.UEFI} == set(host.firmwares)
    networks = {network.name: network for network in a.networks()}
    assert networks["isolated"].isolated
    assert not networks["production"].isolated


def test_console_password_stays_secret(a: LibvirtHypervisor, make: Make) -> None:
    make("plain")
    text = a.connection.domain("plain").XMLDesc(0)
    graphics = "<graphics type='vnc' port='-1' passwd='hunter2'/></devices>"
    a.connection.libvirt.defineXML(text.replace("</devices>", graphics))
    machine = a.machine("plain")
    assert "hunter2" not in machine.native
    assert "console-password" in machine.devices


def test_autostart_and_deadline_of_a_deaf_guest(a: LibvirtHypervisor, make: Make) -> None:
    machine = make()
    a.set_autostart(machine.name, True)
    assert a.machine(machine.name).autostart
    a.power_on(machine.name)
    a.power_on(machine.name)
    with pytest.raises(OperatorNeededError, match="did not shut down within 1 seconds"):
        a.shut_down(machine.name, 1)
    assert a.power_state(machine.name) is PowerState.RUNNING
    a.power_off(machine.name)
    a.power_off(machine.name)
    a.shut_down(machine.name, 1)
    a.set_autostart(machine.name, False)


def test_host_that_dies_is_a_retryable_error(kvm_lab: Lab) -> None:
    with LibvirtHypervisor(spec_of(kvm_lab, "kvm-b")) as hypervisor:
        try:
            kvm_lab.stop_host("kvm-b")
            for call in (hypervisor.machines, hypervisor.networks, hypervisor.host):
                with pytest.raises(RetryableError, match="kvm-b"):
                    call()
        finally:
            kvm_lab.start_host("kvm-b")

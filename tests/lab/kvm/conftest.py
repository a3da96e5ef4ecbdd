"""Two real libvirt hosts without the lab's guests, and machines made for one test: small disks, nothing to boot.

Their names hold what breaks careless quoting; every test here is also a test of that.
"""

import os
from collections.abc import Callable, Iterator

import pytest
from folder_scope import goes_with_folder
from kvm_hosts import ODD_NAME, SEED, definition, spec_of, wipe

from drover.hypervisors.libvirt.hypervisor import LibvirtHypervisor
from drover.model import VirtualMachine
from drover_lab import lab as labs
from drover_lab.lab import Lab


@pytest.fixture(scope="session")
def kvm_lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """Two hosts and no guests. `DROVER_TEST_HOSTS=name` uses that lab and leaves it there."""
    goes_with_folder(request, __file__)
    reused = os.environ.get("DROVER_TEST_HOSTS")
    name = reused or f"pytest{os.getpid()}-kvm"
    try:
        yield labs.up(name, machine_names=())
    finally:
        if not reused:
            labs.down(name)


@pytest.fixture
def a(kvm_lab: Lab) -> Iterator[LibvirtHypervisor]:
    with LibvirtHypervisor(spec_of(kvm_lab, "kvm-a")) as hypervisor:
        yield hypervisor


@pytest.fixture
def b(kvm_lab: Lab) -> Iterator[LibvirtHypervisor]:
    with LibvirtHypervisor(spec_of(kvm_lab, "kvm-b")) as hypervisor:
        yield hypervisor


@pytest.fixture
def make(a: LibvirtHypervisor, b: LibvirtHypervisor) -> Iterator[Callable[..., VirtualMachine]]:
    """Makes the test's machine on kvm-a; afterwards both hosts hold nothing."""

    for hypervisor in (a, b):  # What a killed test run left in a lab that is used again.
        wipe(hypervisor)

    def make_machine(name: str = ODD_NAME, *, uefi: bool = False) -> VirtualMachine:
        a.connection.ssh.check(["sh", "-c", SEED])
        a.connection.libvirt.defineXML(definition(name, uefi=uefi))
        return a.machine(name)

    yield make_machine
    for hypervisor in (a, b):
        wipe(hypervisor)

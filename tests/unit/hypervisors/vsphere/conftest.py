"""A vCenter for all tests here, and a session with it for each test; and another one for what goes there."""

from collections.abc import Iterator

import pytest
from vcenter_process import VCenter

from drover.hypervisors.vsphere.hypervisor import VsphereHypervisor
from drover.hypervisors.vsphere.session import Session


@pytest.fixture(scope="session")
def vcenter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VCenter]:
    started = VCenter(tmp_path_factory.mktemp("vc"), machines=3)
    try:
        yield started
    finally:
        started.stop()


@pytest.fixture
def hypervisor(vcenter: VCenter) -> Iterator[VsphereHypervisor]:
    with VsphereHypervisor(vcenter.spec()) as opened:
        yield opened


@pytest.fixture
def session(hypervisor: VsphereHypervisor) -> Session:
    return hypervisor.session


@pytest.fixture(scope="module")
def other_center(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VCenter]:
    started = VCenter(tmp_path_factory.mktemp("vc2"))
    try:
        yield started
    finally:
        started.stop()


@pytest.fixture
def far(other_center: VCenter) -> Iterator[VsphereHypervisor]:
    with VsphereHypervisor(other_center.spec()) as opened:
        yield opened

"""The definition that a trial boots: another machine than its original, and known as Drover's own."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import libvirt
import pytest

from drover.errors import OperatorNeededError
from drover.hypervisors.libvirt import trial
from drover.model import Ownership

UUID = "1b4e28ba-2fa1-11d2-883f-0016d3cca427"
SYSINFO = f"<sysinfo type='smbios'><system><entry name='uuid'>{UUID}</entry></system></sysinfo>"


def definition(name: str = "web", inside: str = "") -> ET.Element:
    text = f"<domain type='test'><name>{name}</name><uuid>{UUID}</uuid><memory>8192</memory>{inside}"
    return ET.fromstring(f"{text}<os><type>hvm</type></os></domain>")


@pytest.fixture
def host() -> Iterator[Any]:
    """libvirt's own test driver, in this process."""
    connected = libvirt.open("test:///default")
    removed: list[str] = []

    def find(name: str) -> libvirt.virDomain | None:
        return next((one for one in connected.listAllDomains(0) if one.name() == name), None)

    @contextmanager
    def errors() -> Iterator[None]:
        yield

    ssh = SimpleNamespace(check=lambda argv: removed.append(argv[-1]))
    yield SimpleNamespace(libvirt=connected, name="h", find_domain=find, errors=errors, ssh=ssh, removed=removed)
    connected.close()


def started(host: Any, *, ours: bool, lasting: bool = False) -> None:
    root = definition()
    trial._rename(root, SimpleNamespace(name="web", uuid=UUID))  # type: ignore[arg-type]
    if ours:
        trial._tag(root, Ownership("wave", "run", "web", UUID, trial.ROLE))
    if lasting:
        host.libvirt.defineXML(ET.tostring(root, encoding="unicode")).create()
    else:
        host.libvirt.createXML(ET.tostring(root, encoding="unicode"), 0)


def test_what_the_guest_reads_from_its_bios_is_the_new_uuid_too() -> None:
    root = definition(inside=SYSINFO)
    trial._rename(root, SimpleNamespace(name="web", uuid=UUID))  # type: ignore[arg-type]
    assert root.findtext("name") == "web-drover-trial"
    assert root.findtext("uuid") == root.findtext("sysinfo/system/entry") != UUID


def test_what_a_killed_trial_left_is_ended(host: Any) -> None:
    started(host, ours=True)
    trial.clean_up(host, "web")
    trial._require_free(host, "web")
    assert host.removed == [f"{trial.FOLDER}/web"]


@pytest.mark.parametrize(("ours", "lasting"), [(False, False), (False, True), (True, True)])
def test_a_machine_that_only_has_the_name_is_left_alone(host: Any, ours: bool, lasting: bool) -> None:
    started(host, ours=ours, lasting=lasting)
    trial.clean_up(host, "web")
    assert host.find_domain("web-drover-trial").isActive()
    with pytest.raises(OperatorNeededError, match="which Drover did not make"):
        trial._require_free(host, "web")


def test_the_trial_of_another_machine_is_left_alone(host: Any) -> None:
    """Whose name ends as a trial's does."""
    root = definition("web-drover-trial")
    trial._tag(root, Ownership("wave", "run", "other", UUID, trial.ROLE))
    host.libvirt.createXML(ET.tostring(root, encoding="unicode"), 0)
    trial.clean_up(host, "web")
    assert host.find_domain("web-drover-trial") is not None

"""A vCenter is recorded without what tells whose it is, and replayed to the very code that reads a vCenter."""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parents[1] / "hypervisors" / "vsphere"))
from vcenter_process import LOGIN, PASSWORD, VCenter, device, disk, make_machine  # noqa: E402

from drover.errors import BadInputError, OperatorNeededError, RetryableError  # noqa: E402
from drover.hypervisors.vsphere import autostart, collector, lookup, site, tags, tasks  # noqa: E402
from drover.hypervisors.vsphere.hypervisor import VsphereHypervisor  # noqa: E402
from drover.hypervisors.vsphere.session import Session  # noqa: E402
from drover.model import Ownership  # noqa: E402
from drover.recordings import recorded, soap, tape, vsphere  # noqa: E402
from drover.recordings.vsphere_replay import replayed  # noqa: E402

MACHINES = 5
OWNER = Ownership("Kundenwelle", "run of Monday", "Müller's", "4c4c4544-0000-0000-0000-000000000001", "migrated")
# Somebody's names, in places where a vCenter tells them.
TELLING = (
    "PAYROLL", "Müller", "Kunden", "Monday", "Finance", "s3cret", "4711", "Before patch", "db-team", "guestinfo",
    "site-t", "cluster-t", "esx-t1", "esx-t2", "datastore1", "production", "isolated", "stand-in", "vswitch0",
    "127.0.0.1", "session[", "administrator", PASSWORD, LOGIN, "00:50:56:3f:00:01", "4c4c4544",
)  # fmt: skip
# The platform's own words, which a test case is about.
WORDS = {
    "hypervisor", "state", "firmware", "bus", "controller", "model", "cpu_model", "format", "guest_os", "guest_tools",
    "machine_type", "version", "machine_types", "role", "guestId", "diskMode", "_type", "key", "boot_order", "devices",
}  # fmt: skip


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VCenter]:
    """Somebody's vCenter."""
    started = VCenter(tmp_path_factory.mktemp("vc"), machines=MACHINES - 2)
    try:
        with VsphereHypervisor(started.spec()) as hypervisor:
            _plant(hypervisor.session)
        yield started
    finally:
        started.stop()


def _plant(session: Session) -> None:
    from pyVmomi import vim

    virtual = vim.vm.device
    group = next(one for one in session.content.rootFolder.childEntity[0].network if one.name == "production")
    port = vim.dvs.PortConnection(portgroupKey=group.key, switchUuid=group.config.distributedVirtualSwitch.uuid)
    backing = virtual.VirtualEthernetCard.DistributedVirtualPortBackingInfo(port=port)
    card = {"backing": backing, "addressType": "manual", "macAddress": "00:50:56:3F:00:01"}
    changes = [
        device(virtual.ParaVirtualSCSIController, key=1000, busNumber=0, sharedBus="noSharing"),
        disk(2001, 1000, 1, thinProvisioned=True),
        disk(2000, 1000, 0, thinProvisioned=True),
        device(virtual.VirtualVmxnet3, key=4000, **card),
    ]
    secret = [
        vim.option.OptionValue(key="guestinfo.PAYROLL", value="s3cret"),
        vim.option.OptionValue(key="pin", value="4711"),
        vim.option.OptionValue(key="disk.EnableUUID", value="TRUE"),
        tags.option(OWNER),
    ]
    boot = vim.vm.BootOptions(bootOrder=[vim.vm.BootOptions.BootableDiskDevice(deviceKey=2001)])
    made = make_machine(
        session, "PAYROLL/DB", folder="Kunden", firmware="efi", deviceChange=changes, extraConfig=secret,
        annotation="call Müller's db-team\nroot: s3cret", bootOptions=boot, version="vmx-19",
    )  # fmt: skip
    vim.VirtualMachine(made._moId, session.stub).CreateSnapshot_Task("Before patch", "of 4711", False, False)
    make_machine(session, "4711", annotation="4711")
    autostart.set_autostart(session, "4711", True)


@pytest.fixture(scope="module")
def recording(theirs: VCenter, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recording") / "out"
    with pytest.MonkeyPatch.context() as patch:
        # The pages are small, so that there are several of each answer.
        patch.setattr(collector, "PAGE", 2)
        tape.write(folder, recorded.calls(theirs.spec()))
    return folder


def test_nothing_that_tells_whose_it_is_is_written(theirs: VCenter, recording: Path) -> None:
    written = "".join(path.read_text() for path in recording.iterdir())
    with VsphereHypervisor(theirs.spec()) as hypervisor:
        machines, host = hypervisor.machines(), hypervisor.host()
    telling = [*TELLING, host.id or "", *(one.uuid for one in machines)]
    telling += [nic.mac for one in machines for nic in one.nics]
    assert [word for word in telling if word.lower() in written.lower()] == []
    calls = {call.call for call in tape.read(recording)}
    assert calls == {
        "RetrieveServiceContent", "CurrentTime", "CreateContainerView", "RetrievePropertiesEx", "DestroyView",
        "ContinueRetrievePropertiesEx",
    }  # fmt: skip


def test_what_is_read_of_the_replay_is_the_vcenter_under_other_names(
    theirs: VCenter, recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collector, "PAGE", 2)
    with replayed(recording) as spec, VsphereHypervisor(spec) as again, VsphereHypervisor(theirs.spec()) as hypervisor:
        real, seen = ({one.id: asdict(one) for one in two.machines()} for two in (hypervisor, again))
        pools = [sorted((pool.capacity, pool.active) for pool in two.pools()) for two in (hypervisor, again)]
        hosts = [
            sorted((one.memory, one.cpus, one.machine_types) for one in two.hosts()) for two in (hypervisor, again)
        ]
        names = {pool.name for pool in again.pools()}, {one.name for one in again.networks()}
        whole = hypervisor.host(), again.host()
        networks = [sorted(one.isolated for one in two.networks()) for two in (hypervisor, again)]
        found = again.machine(next(one["name"] for one in seen.values() if one["snapshots"]))
        assert again.find("PAYROLL/DB") is None
    assert real.keys() == seen.keys()
    assert len(real) == MACHINES
    renamed: dict[str, str] = {}
    unread = "tags-unread 127.0.0.1 answers 404 Not Found to POST /rest/com/vmware/cis/session"
    assert all(one["devices"][-1] == unread for one in seen.values()), "only SOAP is recorded"
    for one in real:
        seen[one]["devices"] = seen[one]["devices"][:-1]
        _compare(real[one], seen[one], renamed)
    assert len(set(renamed.values())) == len(renamed)
    assert pools[0] == pools[1]
    assert hosts[0] == hosts[1]
    assert networks[0] == networks[1]
    first, second = ((one.version, one.memory, one.cpu_model, one.machine_types) for one in whole)
    assert first == second
    # What belongs together still does, and one machine alone is read as all were.
    assert {one.pool for one in found.disks} <= names[0]
    assert {one.network for one in found.nics} <= names[1]
    assert asdict(replace(found, devices=found.devices[:-1])) == seen[found.id]
    assert found.boot_order == ("scsi0:1",)
    assert found.ownership is not None
    assert found.ownership.role == "migrated"
    assert [one["autostart"] for one in seen.values()].count(True) == 1


def _compare(real: Any, seen: Any, renamed: dict[str, str], key: str = "") -> None:
    """The same but for names; a name is the same one everywhere."""
    assert type(real) is type(seen), key
    if isinstance(real, dict):
        assert real.keys() == seen.keys()
        for name in real:
            _compare(real[name], seen[name], renamed, name)
    elif isinstance(real, list | tuple):
        assert len(real) == len(seen), key
        for one, other in zip(real, seen, strict=True):
            _compare(one, other, renamed, key)
    elif key == "native" and real:
        _compare(json.loads(real), json.loads(seen), renamed)
    elif not isinstance(real, str) or key in WORDS:
        assert real == seen, key
    elif real != seen:
        assert renamed.setdefault(real, seen) == seen, key


def test_a_refusal_of_the_server_is_a_part_of_the_recording(
    theirs: VCenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(session: Session) -> None:
        from pyVmomi import vim

        with session.errors():
            vim.VirtualMachine("vm-99999", session.stub).RefreshStorageInfo()

    monkeypatch.setattr(vsphere, "READS", (gone, *vsphere.READS))
    tape.write(tmp_path / "out", recorded.calls(theirs.spec()))
    with replayed(tmp_path / "out") as spec, VsphereHypervisor(spec) as again:
        with pytest.raises(OperatorNeededError, match="what was asked for is not there any more"):
            gone(again.session)
        assert len(again.machines()) == MACHINES


def test_a_line_that_breaks_leaves_no_recording(
    theirs: VCenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_session: Session) -> None:
        raise RetryableError("The connection failed.", remedy="")

    monkeypatch.setattr(vsphere, "READS", (site.host, broken))
    with pytest.raises(RetryableError):
        tape.write(tmp_path / "out", recorded.calls(theirs.spec()))
    assert list(tmp_path.iterdir()) == []


def test_what_would_tell_all_the_same_is_not_written(theirs: VCenter, tmp_path: Path) -> None:
    with VsphereHypervisor(theirs.spec()) as hypervisor:
        session = hypervisor.session
        # The login stands among the platform's own words.
        make_machine(session, "odd", guestId="administratorGuest")
        try:
            with pytest.raises(OperatorNeededError, match="was about to be recorded; nothing was written"):
                tape.write(tmp_path / "out", recorded.calls(theirs.spec()))
        finally:
            tasks.wait(session, lookup.require(session, "odd").Destroy_Task(), "removing it", deadline=30)
    assert list(tmp_path.iterdir()) == []


def test_a_recording_says_what_it_has_not(recording: Path) -> None:
    with replayed(recording) as spec, VsphereHypervisor(spec) as again:
        machine = again.machines()[0]
        with pytest.raises(OperatorNeededError, match="The recording has no answer to 'ReconfigVM_Task'"):
            again.tag(machine.name, OWNER)
        # And no more is asked of one machine than of all: that needs no recording of its own.
        assert again.machine(machine.name) == machine
    with pytest.raises(BadInputError, match="There is no recording"), replayed(recording / "none"):
        pass


def test_a_recording_that_was_killed_is_none(tmp_path: Path) -> None:
    class Killed(BaseException):
        pass

    class Last(tape.Call):
        def text(self) -> str:
            raise Killed

    calls = [tape.Call("one", {}, 1), tape.Call("two", {}, 2)]
    with pytest.raises(Killed):
        tape.write(tmp_path / "out", [*calls, Last("three", {}, 3)])
    with pytest.raises(BadInputError, match="There is no recording"):
        tape.read(tmp_path / "out")
    assert len(tape.write(tmp_path / "out", calls[:1])) == 1
    assert [call.call for call in tape.read(tmp_path / "out")] == ["one"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_two_second_pages_by_one_token_are_told_apart() -> None:
    scrubber = soap.SoapScrubber()
    inside = "<returnval><token>0</token></returnval>"
    answer = f'<RetrievePropertiesExResponse xmlns="urn:vim25">{inside}</RetrievePropertiesExResponse>'
    request = '<ContinueRetrievePropertiesEx xmlns="urn:vim25"><token>0</token></ContinueRetrievePropertiesEx>'
    tokens = []
    for body in (answer, request, answer, request):
        node = scrubber.body(soap.content(soap.envelope(body)))
        tokens += [one.text for one in node.iter("token")]
    assert tokens == ["page-1", "page-1", "page-2", "page-2"]

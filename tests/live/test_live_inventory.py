"""What Drover reads of a host of your own, and that a recording of it reads the same."""

from pathlib import Path
from typing import cast

from drover.hypervisors.connection import resolve
from drover.hypervisors.hyperv import inventory
from drover.hypervisors.hyperv.session import Session
from drover.hypervisors.registry import connect
from drover.model import VirtualMachine
from drover.recordings import hyperv, recorded, tape, vsphere_replay


def test_it_tells_what_it_has(connection: str) -> None:
    with connect(resolve(connection)) as hypervisor:
        host, machines = hypervisor.host(), hypervisor.machines()
        assert host.name
        assert host.cpus > 0
        assert len({machine.id or machine.name for machine in machines}) == len(machines)
        assert all(machine.uuid and machine.memory for machine in machines)
        for machine in machines:
            assert all(disk.size for disk in machine.disks if not disk.raw_mapping), machine.name
        assert hypervisor.pools()
        assert hypervisor.networks() is not None


def test_a_recording_of_a_hyperv_host_reads_the_same(hyperv_connection: str, tmp_path: Path) -> None:
    spec = resolve(hyperv_connection)
    tape.write(tmp_path / "out", recorded.calls(spec))
    replayed = inventory.machines(cast(Session, hyperv.Replayed(tmp_path / "out")))
    with Session(spec) as session:
        real = inventory.machines(session)
    assert _shapes(replayed) == _shapes(real)


def test_a_recording_of_a_vcenter_reads_the_same(vsphere_connection: str, tmp_path: Path) -> None:
    spec = resolve(vsphere_connection)
    tape.write(tmp_path / "out", recorded.calls(spec))
    written = "".join(path.read_text() for path in (tmp_path / "out").iterdir())
    with connect(spec) as hypervisor:
        real = hypervisor.machines()
    assert [one.uuid for one in real if one.uuid in written] == []
    with vsphere_replay.replayed(tmp_path / "out") as again, connect(again) as recording:
        assert _shapes(recording.machines()) == _shapes(real)


def _shapes(machines: list[VirtualMachine]) -> list[tuple[int, ...]]:
    return sorted((one.memory, one.cpu.count, len(one.disks), len(one.nics)) for one in machines)

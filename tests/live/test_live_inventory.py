"""What Drover reads of a host of your own, and that a recording of it reads the same."""

from pathlib import Path
from typing import cast

from drover.hypervisors.connection import resolve
from drover.hypervisors.hyperv import inventory
from drover.hypervisors.hyperv.session import Session
from drover.hypervisors.registry import connect
from drover.recordings import hyperv, recorded, tape


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


def test_a_recording_reads_the_same(hyperv_connection: str, tmp_path: Path) -> None:
    spec = resolve(hyperv_connection)
    tape.write(tmp_path / "out", recorded.calls(spec))
    replayed = inventory.machines(cast(Session, hyperv.Replayed(tmp_path / "out")))
    with Session(spec) as session:
        real = inventory.machines(session)
    shapes = [
        sorted((machine.memory, machine.cpu.count, len(machine.disks), len(machine.nics)) for machine in machines)
        for machines in (replayed, real)
    ]
    assert shapes[0] == shapes[1]

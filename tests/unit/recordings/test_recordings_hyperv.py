"""A Hyper-V host is recorded without what tells whose it is, and the recording feeds the inventory."""

import copy
import sys
from pathlib import Path
from typing import Any, cast

import pytest

sys.path.append(str(Path(__file__).parents[1] / "hyperv"))
from answers import ADAPTER, DISK, HOST, MACHINE, SWITCHES, VOLUMES, Told  # noqa: E402

from drover.errors import BadInputError, OperatorNeededError  # noqa: E402
from drover.hypervisors.hyperv import inventory, site  # noqa: E402
from drover.hypervisors.hyperv.errors import ScriptError  # noqa: E402
from drover.hypervisors.hyperv.session import Session  # noqa: E402
from drover.recordings import hyperv, recorded, tape  # noqa: E402

# Somebody's names, in places where a host tells them.
TELLING = (
    "PAYROLL-DB", "Müller's", "corp.example", "10.11.12.13", "00155DAABBCC", "AA-BB", "Finance", "Kunden", "HV-PROD-7",
    "SAN Nord", "s3cret", "4711", "Before patch", "db-team", "Nordwand",
)  # fmt: skip


def theirs() -> dict[str, list[Any]]:
    """What a host of somebody's says."""
    machine = copy.deepcopy(MACHINE) | {
        "name": "PAYROLL-DB", "host": "HV-PROD-7", "notes": "call Müller's db-team\nroot: s3cret",
        "folder": "D:\\Kunden\\Finance", "snapshots": [{"id": "x", "name": "Before patch", "type": "Standard"}],
        "media": ["\\\\nas.corp.example\\Kunden\\setup.iso"], "handed": ["fibre-channel SAN Nord"],
        "floppies": ["D:\\Kunden\\Nordwand.vfd"],
        "disks": [DISK | {"path": "D:\\Hyper-V\\Virtual Hard Disks\\Nordwand.vhdx"}],
        "boot": [{"type": "Drive", "path": "D:\\Hyper-V\\Virtual Hard Disks\\Nordwand.vhdx", "mac": ""},
                 {"type": "Network", "path": "", "mac": "00155DAABBCC"}],
        "adapters": [ADAPTER | {"name": "AA-BB", "mac": "00155DAABBCC", "switch": "Finance",
                                "addresses": ["10.11.12.13"]}],
    }  # fmt: skip
    return {
        "host": [HOST | {"name": "HV-PROD-7"}],
        "inventory": [machine, copy.deepcopy(MACHINE) | {"id": "b" * 8 + MACHINE["id"][8:], "name": "4711"}],
        "machines": [{"id": MACHINE["id"], "name": "PAYROLL-DB"}, {"id": "b" * 8 + MACHINE["id"][8:], "name": "4711"}],
        "switches": [*SWITCHES, {"name": "Finance", "type": "External", "adapter": "Intel I350 of Nordwand"}],
        "volumes": [*VOLUMES, {"path": "E:\\", "label": "Kunden", "capacity": "1", "free": "1"}],
        "live-jobs": [],
    }


def made(folder: Path, **changes: Any) -> hyperv.Replayed:
    session = cast(Session, Told(**{**theirs(), **changes}))
    tape.write(folder / "out", hyperv.record(session))
    return hyperv.Replayed(folder / "out")


def test_nothing_that_tells_whose_it_is_is_written(tmp_path: Path) -> None:
    made(tmp_path)
    written = "".join(path.read_text() for path in (tmp_path / "out").iterdir())
    assert [word for word in (*TELLING, "administrator", "secret") if word.lower() in written.lower()] == []
    assert [path.name for path in sorted((tmp_path / "out").iterdir())][:2] == ["001-host.json", "002-volumes.json"]


def test_the_inventory_reads_it_as_it_read_the_host(tmp_path: Path) -> None:
    host, replayed = cast(Session, Told(**theirs())), cast(Session, made(tmp_path))
    before = {one.memory: one for one in inventory.machines(host)}
    assert len(inventory.machines(replayed)) == 2
    first = next(one for one in inventory.machines(replayed) if one.snapshots)
    real = next(one for one in inventory.machines(host) if one.snapshots)
    assert (first.cpu, first.memory, first.firmware, first.state) == (real.cpu, real.memory, real.firmware, real.state)
    assert [disk.size for disk in first.disks] == [disk.size for disk in real.disks]
    assert [disk.pool for disk in first.disks] == ["D:"]
    assert first.disks[0].path == "D:\\Hyper-V\\Virtual Hard Disks\\file-1.vhdx"
    # What belongs together still does.
    assert first.boot_order == (first.disks[0].name, first.nics[0].mac)
    assert first.nics[0].network in {network.name for network in site.networks(replayed)}
    assert first.guest_tools == real.guest_tools == "running"
    assert {one.memory for one in inventory.machines(replayed)} == set(before)
    assert [pool.name for pool in site.pools(replayed)] == [pool.name for pool in site.pools(host)]
    assert inventory.read(replayed, [first.id or ""])[0].name == first.name


def test_what_a_recording_has_not_is_said(tmp_path: Path) -> None:
    replayed = made(tmp_path, inventory=ScriptError("Müller's host says no.", remedy=""))
    with pytest.raises(OperatorNeededError, match="^name-"):
        inventory.machines(cast(Session, replayed))
    with pytest.raises(BadInputError, match="has no answer to 'a script that changes things'"):
        replayed.run("Remove-VM")
    with pytest.raises(BadInputError, match="There is no recording"):
        hyperv.Replayed(tmp_path / "none")


def test_what_would_tell_all_the_same_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(OperatorNeededError, match="was about to be recorded; nothing was written"):
        made(tmp_path, host=[HOST | {"processorModel": "the Xeon of administrator"}])
    assert not (tmp_path / "out").exists()


def test_only_scripts_that_read_are_run(tmp_path: Path) -> None:
    session = Told(**theirs())
    tape.write(tmp_path / "out", hyperv.record(cast(Session, session)))
    assert {name for name, _ in session.asked} == set(hyperv.READS)
    for name in hyperv.READS:
        text = hyperv.scripts.text(name)
        assert not [verb for verb in ("Set-", "New-", "Remove-", "Stop-", "Start-", "Move-", "Rename-") if verb in text]


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(BadInputError, match="is no empty folder"):
        tape.write(tmp_path, [])


def test_other_kinds_are_refused() -> None:
    from drover.hypervisors.connection import ConnectionSpec

    with pytest.raises(BadInputError, match="of the type libvirt answers cannot be recorded"):
        list(recorded.calls(ConnectionSpec("a", "libvirt", "b")))

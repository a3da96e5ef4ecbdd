"""Export-VM and Import-VM through the product's own functions, on a simulated host with real files."""

import hashlib
import json
import subprocess
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any, cast

import pytest
from worlds import MIB, Direct, Peer, definition

from drover.cli import main
from drover.errors import BadInputError, OperatorNeededError
from drover.hypervisors import connection, registry
from drover.hypervisors.connection import ConnectionSpec
from drover.hypervisors.hyperv import folders
from drover.hypervisors.hyperv.hypervisor import HypervHypervisor
from drover.hypervisors.hyperv.session import Session
from drover.hypervisors.port import Hypervisor
from drover.model import PowerState

OUT = "D:\\Exports\\Müller's $(id)"


@pytest.fixture
def session(hv: Peer) -> Session:
    (identity,) = hv.script("define", **definition())
    hv.script("rename", id=identity, name="mill")
    write = ["qemu-io", "-f", "vhdx", "-c", "write -P 7 1M 64k", str(hv.file())]
    subprocess.run(write, check=True, capture_output=True)
    return cast(Session, Direct(hv))


@pytest.mark.parametrize("running", [False, True])
def test_a_machine_is_exported_with_digests_and_imported_as_another_one(
    hv: Peer, session: Session, running: bool
) -> None:
    if running:
        hv.script("power-on", id=hv.machine()["id"])
    done = folders.export_to(session, "mill", OUT)
    home = hv.file(OUT)
    files = {path.relative_to(home).as_posix().replace("/", "\\"): path for path in home.rglob("*") if path.is_file()}
    assert done.path == OUT
    assert done.files == {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}
    assert {name.partition("\\")[0] for name in files} == {"Virtual Machines", "Virtual Hard Disks"}
    assert done.bytes == sum(path.stat().st_size for path in files.values()) > 16 * MIB
    assert [path.name for path in home.parent.iterdir()] == [home.name]

    made = folders.import_from(session, OUT, name="mill again", new_id=True, pool="D:")
    assert (made.name, made.state, made.autostart) == ("mill again", PowerState.OFF, False)
    assert made.id != hv.script("machines")[0]["id"]
    (disk,) = made.disks
    assert disk.path.startswith("D:\\Hyper-V\\Virtual Hard Disks\\drover-mill")
    read = ["qemu-io", "-r", "-f", "vhdx", "-c", "read -P 7 1M 64k", str(hv.file(disk.path))]
    assert b"failed" not in subprocess.run(read, check=True, capture_output=True).stdout
    assert home.is_dir()


def test_the_command_tells_what_a_script_expects_of_an_import(
    hv: Peer, session: Session, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folders.export_to(session, "mill", OUT)
    opened = HypervHypervisor.__new__(HypervHypervisor)
    opened.session = session
    monkeypatch.setattr(connection, "resolve", lambda conn_id: ConnectionSpec(conn_id, "hyperv", "hv"))
    monkeypatch.setattr(registry, "connect", lambda _spec: nullcontext(opened))
    words = ["import", OUT, "--connection", "hv", "--name", "mill again", "--storage", "D:", "--json"]
    assert main(words) == 0
    told = json.loads(capsys.readouterr().out)
    assert told.pop("uuid")
    assert told.pop("host")
    assert told == {"name": "mill again", "manifest": None, "notes": [], "digests": {}}
    assert sorted(one["name"] for one in hv.script("machines")) == ["mill", "mill again"]


def test_what_is_there_is_never_overwritten(hv: Peer, session: Session) -> None:
    folders.export_to(session, "mill", OUT)
    with pytest.raises(OperatorNeededError, match="is there already"):
        folders.export_to(session, "mill", OUT)
    for name in ("mill", None):
        with pytest.raises(OperatorNeededError, match="There is a machine named 'mill' already"):
            folders.import_from(session, OUT, name=name)
    with pytest.raises(OperatorNeededError, match="this identifier already exists") as caught:
        folders.import_from(session, OUT, name="other")
    assert "a new id" in caught.value.remedy
    assert [one["name"] for one in hv.script("machines")] == ["mill"]


def test_what_a_killed_export_left_is_made_anew(hv: Peer, session: Session) -> None:
    done = folders.export_to(session, "mill", OUT)
    work = next(iter(asked_for(hv, session)))
    hv.file(work).mkdir(parents=True)
    (hv.file(work) / "half").write_text("a half")
    again = folders.export_to(session, "mill", "D:\\Exports\\two")
    assert again.files.keys() == done.files.keys()
    assert not hv.file(work).exists()


def asked_for(hv: Peer, session: Session) -> list[str]:
    """Where the next export to `two` would keep what is not whole yet."""
    seen: list[str] = []

    class Asked(Direct):
        def run(self, script: str, parameters: dict[str, Any], *, deadline: float = 0) -> list[Any]:
            if "work" in parameters:
                seen.append(parameters["work"])
                return [{"path": "D:\\Exports\\two\\a", "sha256": "0", "size": "0"}]
            return super().run(script, parameters, deadline=deadline)

    folders.export_to(cast(Session, Asked(hv)), "mill", "D:\\Exports\\two")
    return seen


def test_a_machine_that_is_gone_comes_back_as_it_was(hv: Peer, session: Session) -> None:
    before = hv.machine()
    folders.export_to(session, "mill", OUT)
    hv.script("remove", id=before["id"], disks=[before["disks"][0]["path"]])
    made = folders.import_from(session, OUT)
    assert (made.name, made.id) == ("mill", before["id"])


def test_what_a_killed_import_left_is_found_and_gets_its_name(hv: Peer, session: Session) -> None:
    mill, before = hv.machine()["id"], hv.machine()["notes"]
    with hv.host.state() as state:
        state["machines"][mill]["broken"] = ["Rename-VM"]
    folders.export_to(session, "mill", OUT)
    with pytest.raises(OperatorNeededError, match="cannot be imported"):
        folders.import_from(session, OUT, name="two", new_id=True)
    left = next(one for one in hv.machines() if one["id"] != mill)
    assert (left["name"], left["start"]) == ("mill", "Nothing")
    with hv.host.state() as state:
        state["machines"][left["id"]]["broken"] = []
    made = folders.import_from(session, OUT, name="two", new_id=True)
    assert made.id == left["id"]
    assert sorted(one["name"] for one in hv.machines()) == ["mill", "two"]
    assert [one["notes"] for one in hv.machines()] == [before, before]


def test_one_that_has_no_mark_is_named_and_none_is_made_beside_it(hv: Peer, session: Session) -> None:
    """Where Hyper-V took the mark only after the import, and the script was killed in between."""
    mill = hv.machine()["id"]
    folders.export_to(session, "mill", OUT)
    made = folders.import_from(session, OUT, name="two", new_id=True)
    hv.script("rename", id=made.id, name="mill")
    with pytest.raises(OperatorNeededError, match="Machine 'mill' lies in D:.*drover-two already"):
        folders.import_from(session, OUT, name="two", new_id=True)
    assert {one["id"] for one in hv.machines()} == {mill, made.id}


def test_a_switch_that_is_missed_is_told_or_replaced(hv: Peer, session: Session) -> None:
    folders.export_to(session, "mill", OUT)
    with hv.host.state() as state:
        state["switches"] = {"lan": "External"}
    with pytest.raises(OperatorNeededError, match="Could not find Ethernet switch 'production'"):
        folders.import_from(session, OUT, name="two", new_id=True)
    assert [one["name"] for one in hv.script("machines")] == ["mill"]
    made = folders.import_from(session, OUT, name="two", new_id=True, switch="lan")
    assert [nic.network for nic in made.nics] == ["lan"]


@pytest.mark.parametrize(
    "folder", ["", "Exports", "/srv/x", "D:", "D:\\", "D:\\a*", "D:\\..\\a", "\\\\nas\\a", "D:\\a\nb"]
)
def test_what_is_no_folder_of_the_host_is_refused(session: Session, folder: str) -> None:
    with pytest.raises(BadInputError, match="is no folder of a Windows host"):
        folders.export_to(session, "mill", folder)


def test_a_folder_of_a_host_is_known_by_its_drive(session: Session) -> None:
    hypervisor = object.__new__(HypervHypervisor)
    hypervisor.session = session
    assert folders.session_for(hypervisor, OUT) is session
    assert folders.session_for(hypervisor, "/srv/web.ova") is None
    assert folders.session_for(hypervisor, "web.ova") is None
    other = cast(Hypervisor, SimpleNamespace(kind="libvirt"))
    assert folders.session_for(other, "/srv/web") is None
    with pytest.raises(BadInputError, match="is a folder of a Windows host, and the connection leads to libvirt"):
        folders.session_for(other, OUT)


def test_import_vm_takes_one_switch() -> None:
    assert folders.one_switch({}) is None
    assert folders.one_switch({"a": "lan", "b": "lan"}) == "lan"
    with pytest.raises(BadInputError, match="get one and the same, and 2 are named: dmz, lan"):
        folders.one_switch({"a": "lan", "b": "dmz"})

"""`drover export` and `drover import` as a person or a script calls them, with a vCenter behind the connection."""

import hashlib
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from movers import MIB, contents, data, fill, kvm_machine, settings
from vcenter_process import VCenter

from drover.cli import main
from drover.hypervisors.vsphere import lookup, tasks
from drover.hypervisors.vsphere.hypervisor import VsphereHypervisor
from drover.model import PowerState, VirtualMachine

NAME, AGAIN = "packed", "packed again"
CONTENTS = [data(1, 6 * MIB), data(2, 3 * MIB)]


@pytest.fixture(autouse=True)
def connection(vcenter: VCenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = vcenter.spec()
    parts = {"conn_type": spec.kind, "host": spec.host, "port": spec.port, "login": spec.login}
    value = json.dumps({**parts, "password": spec.password, "extra": dict(spec.extra)})
    monkeypatch.setenv("AIRFLOW_CONN_VC_CLI", value)
    monkeypatch.setenv("DROVER_STAGING", str(tmp_path / "staging"))


@pytest.fixture
def made(hypervisor: VsphereHypervisor, tmp_path: Path) -> Iterator[VirtualMachine]:
    machine = kvm_machine(NAME)
    wanted = settings(machine)
    hypervisor.define(machine, wanted)
    fill(hypervisor, NAME, wanted.owner, CONTENTS, tmp_path)
    yield hypervisor.machine(NAME)
    hypervisor.remove(NAME, wanted.owner)


def call(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, Any, str]:
    """Exit code, the JSON on stdout, and stderr."""
    code = main([*map(str, words), "--connection", "vc_cli", "--json"])
    told = capsys.readouterr()
    return code, json.loads(told.out) if told.out else None, told.err


def remove(hypervisor: VsphereHypervisor, name: str) -> None:
    """As a person does, whose machine it is from now on."""
    session = hypervisor.session
    tasks.wait(session, lookup.require(session, name).Destroy_Task(), "cleaning up", deadline=30)


def test_a_machine_goes_out_and_comes_in(
    hypervisor: VsphereHypervisor, made: VirtualMachine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package = tmp_path / "packed.ova"
    code, told, _ = call(capsys, "export", NAME, package)
    assert code == 0
    with tarfile.open(package) as archive:
        held = {one.name: archive.extractfile(one).read() for one in archive}  # type: ignore[union-attr]
    assert told == {
        "path": str(package),
        "bytes": package.stat().st_size,
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in held.items()},
    }
    code, told, _ = call(capsys, "import", package, "--name", AGAIN, "--storage", "datastore1", "--host", "esx-t1")
    try:
        assert code == 0
        found = hypervisor.machine(AGAIN)
        assert (found.state, found.host) == (PowerState.OFF, "esx-t1")
        assert {key: told[key] for key in ("name", "uuid", "host", "manifest", "notes")} == {
            "name": AGAIN, "uuid": found.uuid, "host": "esx-t1", "manifest": True, "notes": [],
        }  # fmt: skip
        assert list(told["digests"]) == [disk.name for disk in found.disks]
        assert found.uuid != made.uuid, "a machine under another name is another machine"
        assert [(nic.network, nic.model) for nic in found.nics] == [(nic.network, nic.model) for nic in made.nics]
        with hypervisor.read_disks(AGAIN) as endpoints:
            assert contents(endpoints) == CONTENTS
    finally:
        remove(hypervisor, AGAIN)


def test_what_is_wrong_is_an_exit_code_of_two_and_a_sentence(
    hypervisor: VsphereHypervisor, made: VirtualMachine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package = tmp_path / "packed.ova"
    assert call(capsys, "export", NAME, package)[0] == 0
    code, told, words = call(capsys, "export", NAME, package)
    assert (code, told) == (2, None)
    assert f"{package} is there already." in words
    assert call(capsys, "export", "nobody", tmp_path / "nobody.ova")[:2] == (2, None)
    code, told, words = call(capsys, "import", package, "--storage", "datastore1")
    assert (code, told) == (2, None)
    assert f"There is a machine '{NAME}' already." in words
    altered = bytearray(package.read_bytes())
    altered[altered.index(b"KDMV") + 70_000] ^= 1
    package.write_bytes(altered)
    code, told, words = call(capsys, "import", package, "--name", AGAIN, "--storage", "datastore1")
    assert (code, told) == (2, None)
    assert f"in package {package} is not what its manifest says: it was altered or damaged." in words
    assert hypervisor.find(AGAIN) is None
    assert list(tmp_path.glob("*.drover-part*")) == []

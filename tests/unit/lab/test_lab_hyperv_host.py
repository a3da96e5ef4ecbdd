"""What a Hyper-V host of the lab is given: its identity, its settings, and passwords where only root reads them."""

import json
from pathlib import Path

import pytest

from drover_lab import identity, jump, keys, state, topology
from drover_lab.hyperv import lab_host
from drover_lab.state import LabState
from drover_lab.topology import HYPERV, LIBVIRT, VSPHERE, Topology


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Topology:
    monkeypatch.setattr(state, "ROOT", tmp_path)
    made = Topology(LabState("x" * 31, 3, "1gbit", ("mill",), (LIBVIRT, HYPERV)))
    keys.ensure(made)
    return made


def test_hosts_follow_from_the_lab(lab: Topology) -> None:
    near, far = lab.hyperv_hosts
    assert (near.name, near.address, near.connection_id, far.name, far.address) == (
        *("hv-a", "10.213.3.31", "lab_hv_a"),
        *("hv-b", "10.213.3.32"),
    )
    assert [topology.kind_of(name) for name in ("kvm-a", "vc-b", "hv-b")] == [LIBVIRT, VSPHERE, HYPERV]


def test_a_password_is_in_no_file_that_others_read(lab: Topology, tmp_path: Path) -> None:
    where = lab.hyperv_hosts[0]
    lab_host.orders(lab, where, tmp_path / "logs")
    secret = identity.password(lab, where)
    holding = [path for path in tmp_path.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]
    assert {path.name for path in holding} == {"hv-a.password", "ntlm-users", "password"}
    assert {path.stat().st_mode & 0o777 for path in holding} == {0o600}
    assert secret not in json.dumps(lab_host.orders(lab, where, tmp_path / "logs"))


def test_drives_are_shared_with_encryption_alone(lab: Topology, tmp_path: Path) -> None:
    where = lab.hyperv_hosts[0]
    lab_host.orders(lab, where, tmp_path / "logs")
    text = (lab_host.world(lab) / "hv-a/samba/smb.conf").read_text()
    assert "server smb encrypt = required" in text
    assert [line for line in text.splitlines() if line.startswith("[")] == ["[global]", "[C$]", "[D$]"]
    assert "    path = /srv/hv-a/drives/D\n" in text


def test_orders_twice_are_the_same_and_the_connection_knows_the_way_in(lab: Topology, tmp_path: Path) -> None:
    where = lab.hyperv_hosts[0]
    first = lab_host.orders(lab, where, tmp_path / "logs")
    secret = identity.password(lab, where)
    assert lab_host.orders(lab, where, tmp_path / "logs") == first
    known = lab_host.connection(lab, where)
    assert (known["conn_type"], known["port"], known["login"], known["password"]) == (
        *("hyperv", 5986),
        *("administrator", secret),
    )
    assert known["extra"]["trial_jump"] == "root@10.213.3.31:22"
    assert jump.fields(lab, where).items() <= known["extra"].items()
    assert f"{where.address},hv-a ssh-ed25519 " in keys.known_hosts(lab).read_text()

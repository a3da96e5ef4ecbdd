"""What stands around a move, on real hosts: rehearsal, a backup that boots, decommission, and the way back from it."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from lab_moves import STAGES, LabMove

from drover.cli import main
from drover.errors import OperatorNeededError
from drover.hypervisors.libvirt import define
from drover.migration import checks, decommission
from drover.migration.stage import Facts
from drover_lab.demo.wave import connections
from drover_lab.lab import Lab

pytestmark = pytest.mark.lab
POOL = "/var/lib/libvirt/images"
ELSEWHERE = "/var/lib/libvirt/elsewhere"
STRANGER = "web-drover-restored-drover-trial"
# A machine of somebody else's: nothing of it must ever be touched.
DOMAIN = """<domain type='qemu'><name>{name}</name><memory unit='MiB'>32</memory><os><type>hvm</type></os>
<devices>{disk}</devices></domain>"""
FILE = (
    """<disk type='file'><driver name='qemu' type='qcow2'/><source file='{}'/><target dev='vda' bus='virtio'/></disk>"""
)


def put(lab: Lab, host: str, verb: str, name: str, disk: str = "") -> None:
    folder = lab.topology.host(host).folder / "var-lib-libvirt"
    (folder / f"{name}.xml").write_text(DOMAIN.format(name=name, disk=disk))
    lab.virsh(host, verb, f"/var/lib/libvirt/{name}.xml")
    (folder / f"{name}.xml").unlink()


def images(lab: Lab, host: str) -> set[str]:
    return set(lab.run(host, ["ls", "-A", POOL]).split())


class Killed(BaseException):
    """The worker ended here."""


@pytest.fixture
def move(moving: Callable[..., LabMove], tmp_path: Path) -> Iterator[LabMove]:
    made = moving("web", backup={"folder": str(tmp_path / "backup"), "restore_test": "all"})
    yield made
    for host, names in (("kvm-a", ("squatter",)), ("kvm-b", (STRANGER, "web-again"))):
        for name in names:
            made.lab.virsh(host, "destroy", name, check=False)
            made.lab.virsh(host, "undefine", name, check=False)
    made.lab.run("kvm-a", ["rm", "-rf", ELSEWHERE])
    made.lab.run("kvm-b", ["sh", "-c", f"rm -f {POOL}/web-again-*"])


def test_rehearsed_booted_from_its_backup_moved_and_removed(
    move: LabMove, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = move.lab
    before = images(lab, "kvm-b")
    rehearse(move, tmp_path)
    boot_the_backup(move)
    assert images(lab, "kvm-b") == before, "nothing of either is left"
    assert move.leftovers() == []
    assert lab.states()["kvm-b"].keys().isdisjoint({"web", "web-drover-restored"})

    move.run(*STAGES[3:])
    remove_the_source(move, monkeypatch)


def rehearse(move: LabMove, tmp_path: Path) -> None:
    (tmp_path / "rehearsed").mkdir()
    changed = {"mode": "rehearsal", "backup": {"folder": str(tmp_path / "rehearsed")}}
    ticks = len(move.lab.journal("web"))

    facts = LabMove(move.lab, tmp_path / "rehearsals", move.wave | changed).run(
        "inventory", "preflight", "backup", "rehearsal"
    )

    assert set(facts["suites"]) == {"transfer", "machine", "guest_files", "application"}
    assert facts["network"] == "isolated"
    assert move.runs_at("kvm-a")
    assert len(move.lab.journal("web")) > ticks, "it ran all the time"


def boot_the_backup(move: LabMove) -> None:
    move.run("inventory", "preflight", "backup")
    put(move.lab, "kvm-b", "create", STRANGER)
    with pytest.raises(OperatorNeededError, match="a machine of that name, which Drover did not make"):
        move.run("restore_test")
    assert move.lab.states()["kvm-b"][STRANGER] == "running", "it only has that name"
    move.lab.virsh("kvm-b", "destroy", STRANGER)

    facts = move.run("restore_test")

    assert (facts["network"], facts["name"]) == ("isolated", "web-drover-restored")
    assert facts["checks"] > 0
    assert move.runs_at("kvm-a")


def retire(move: LabMove, days: float = 0) -> Facts:
    with move.open() as opened:
        return decommission.run(opened, "ticket", days)


def remove_the_source(move: LabMove, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = move.lab
    before = images(lab, "kvm-a")
    with pytest.raises(OperatorNeededError, match="the commit is not 14 days ago"):
        retire(move, days=14)
    with pytest.raises(OperatorNeededError, match="no person has approved"):
        retire(move)
    with move.open() as opened:
        decommission.approved(opened, "ticket", "alice", datetime.now(UTC), "1")
        (source,) = [disk.path for disk in opened.machine.disks]
    somebody_uses(move, source)
    assert images(lab, "kvm-a") == before

    with monkeypatch.context() as dying:
        dying.setattr(define, "undefine", die)
        with pytest.raises(Killed):
            retire(move)
    assert retire(move)["removed"] == [source]

    assert before - images(lab, "kvm-a") == {Path(source).name}
    assert "web" not in lab.states()["kvm-a"]
    assert move.runs_at("kvm-b")
    lab.wait_healthy("web")


def die(*_: object) -> None:
    raise Killed


def somebody_uses(move: LabMove, source: str) -> None:
    """Another machine lies upon the disk, through one more image. More ways to use one: `test_libvirt_retire`."""
    lab = move.lab
    script = (
        'mkdir -p "$1"; cd "$1"; qemu-img create -q -f qcow2 -b "$2" -F qcow2 mid.qcow2;'
        "qemu-img create -q -f qcow2 -b mid.qcow2 -F qcow2 top.qcow2"
    )
    lab.run("kvm-a", ["sh", "-c", script, "sh", ELSEWHERE, source])
    put(lab, "kvm-a", "define", "squatter", FILE.format(f"{ELSEWHERE}/top.qcow2"))
    with pytest.raises(OperatorNeededError, match="Machine 'squatter' on kvm-a uses"):
        retire(move)
    lab.virsh("kvm-a", "undefine", "squatter")
    assert lab.states()["kvm-a"]["web"] == "off"


def test_a_backup_becomes_a_machine_that_boots(
    move: LabMove, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its original runs, so it does on the isolated network, and at another host: both write to one console log."""
    for name, address in connections(move.lab).items():
        monkeypatch.setenv(name, address)
    move.run("inventory", "preflight")
    folder = move.run("backup")["folder"]
    capsys.readouterr()
    where = ["--to", "lab_kvm_b", "--storage", "default", "--network", "production=isolated"]

    assert main(["restore", folder, "--name", "web-again", "--json", *where]) == 0

    told = json.loads(capsys.readouterr().out)
    assert [(one["connection"], one["state"]) for one in told["originals"]] == [("lab_kvm_a", "running")]
    assert move.lab.states()["kvm-b"]["web-again"] == "off"
    with move.open() as opened:
        opened.target.power_on("web-again")
        connect = opened.target.connection.ssh.open_tcp  # type: ignore[attr-defined]
        results = checks.run_checks(opened, connect, 120, commands=False)
    assert [result.passed for result in results] == [True], results

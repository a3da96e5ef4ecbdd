"""Concerns as real libvirt hosts raise them: machines that are defined, never started, each with something wrong."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from drover import cli
from drover.model import to_json
from drover_lab import lab as labs
from drover_lab.lab import Lab

pytestmark = pytest.mark.lab

IMAGES = "/var/lib/libvirt/images"
DISK = "<disk type='file' device='{device}'><driver name='qemu' type='{format}'/><source file='{path}'/><target dev='{dev}' bus='sata'/>{more}</disk>"  # noqa: E501
DOMAIN = """
<domain type='qemu'>
  <name>{name}</name><uuid>00000000-0000-4000-8000-{number:012}</uuid>
  <memory unit='MiB'>{memory}</memory><vcpu>{cpus}</vcpu>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <features>{features}</features>
  <devices>
    {devices}
    <interface type='network'><mac address='52:54:00:aa:00:{number:02x}'/><source network='{network}'/><model type='virtio'/></interface>
  </devices>
</domain>
"""  # noqa: E501


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    name = "planning"
    try:
        yield labs.up(name, machine_names=())
    finally:
        labs.down(name)


class Builder:
    """Collects what is to be made on the hosts, to make it in a few goes: each login costs time."""

    def __init__(self) -> None:
        self.commands: dict[str, list[list[str]]] = {"kvm-a": [], "kvm-b": []}

    def image(self, name: str, size: str, *options: str, host: str = "kvm-a", folder: str = IMAGES) -> str:
        path = f"{folder}/{name}"
        kind = path.rsplit(".", 1)[1].replace("iso", "raw")
        self.commands[host].append(["qemu-img", "create", "-q", "-f", kind, *options, path, size])
        return path

    def define(self, name: str, number: int, devices: str, *, host: str = "kvm-a", **values: Any) -> None:
        settings: dict[str, Any] = {"memory": 64, "cpus": 1, "features": "<acpi/>", "network": "production"} | values
        text = DOMAIN.format(name=name, number=number, devices=devices, **settings)
        path = f"/tmp/{number}.xml"
        self.commands[host].append(["sh", "-c", 'printf %s "$1" >"$2"', "sh", text, path])
        self.commands[host].append(["virsh", "-q", "define", path])

    def run(self, lab: Lab) -> None:
        for host, commands in self.commands.items():
            for first in range(0, len(commands), 12):
                some = commands[first : first + 12]
                lab.run(host, ["sh", "-e", "-c", "\n".join(shlex.join(command) for command in some)])


def disk(path: str, *, kind: str = "qcow2", dev: str = "sda", device: str = "disk", more: str = "") -> str:
    return DISK.format(path=path, format=kind, dev=dev, device=device, more=more)


@pytest.fixture(scope="module")
def machines(lab: Lab) -> None:
    """Each is named after what is wrong with it."""
    make = Builder()
    image, define = make.image, make.define

    def small(name: str, **where: str) -> str:
        return disk(image(f"{name}.qcow2", "64M", **where))

    define("fine", 1, small("fine"))
    define("unmapped", 2, small("unmapped"), network="dmz")
    define("twin", 3, small("twin"))
    define("twin", 4, small("twin", host="kvm-b"), host="kvm-b")
    define("cloned", 5, small("cloned"))
    define("forgotten copy", 5, small("copy", host="kvm-b"), host="kvm-b")
    base = image("base.qcow2", "64M")
    define("linked", 6, disk(image("linked.qcow2", "64M", "-b", base, "-F", "qcow2")))
    define("remembering", 7, small("remembering"))
    make.commands["kvm-a"].append(["virsh", "-q", "snapshot-create-as", "remembering", "before"])
    define("sharing", 8, disk(image("shared.raw", "64M"), kind="raw", more="<shareable/>"))
    cd = disk(image("medium.iso", "1M"), kind="raw", dev="sdb", device="cdrom", more="<readonly/>")
    define("watching", 9, small("watching") + cd)
    define("trusted", 10, small("trusted") + TPM)
    define("handed", 11, small("handed") + HOSTDEV)
    usb = "<redirdev bus='usb' type='tcp'><source mode='connect' host='127.0.0.1' service='4000'/></redirdev>"
    define("deaf", 12, small("deaf") + usb, features="<apic/>")
    define("huge", 13, small("huge"), memory=64 * 1024 * 1024, cpus=200)
    define("outside", 14, small("outside", folder="/var/tmp"))
    define("gone", 15, disk(f"{IMAGES}/gone.qcow2"))
    define('quoted "name" Köln', 16, small("quoted"))
    define("large", 17, disk(image("full.raw", "80M", "-o", "preallocation=falloc"), kind="raw"))
    make.run(lab)


TPM = "<tpm model='tpm-tis'><backend type='passthrough'><device path='/dev/tpm0'/></backend></tpm>"
HOSTDEV = """<hostdev mode='subsystem' type='pci' managed='yes'>
  <source><address domain='0x0000' bus='0x00' slot='0x1f' function='0x0'/></source></hostdev>"""
CRITICAL = {
    "fine": set(),
    "unmapped": {"network.unmapped"},
    "twin": {"target.name_taken"},
    "cloned": {"target.uuid_taken", "target.mac_clash"},
    "linked": set(),
    "remembering": set(),
    "sharing": {"disk.shared"},
    "watching": {"device.media"},
    "trusted": {"device.tpm"},
    "handed": {"device.passthrough"},
    "deaf": set(),
    "huge": {"host.memory"},
    "outside": {"storage.unmapped"},
    "gone": {"disk.capacity"},
    'quoted "name" Köln': set(),
    "nobody": {"machine.unknown"},
}
WARNINGS = {
    "linked": {"disk.backing_chain"},
    "remembering": {"machine.snapshots"},
    "deaf": {"device.usb"},
    "huge": {"cpu.count"},
}


def wave(tmp_path: Path, machines: list[dict[str, Any]], **changes: Any) -> Path:
    values = {
        "wave": "odd",
        "source": "lab_kvm_a",
        "target": "lab_kvm_b",
        "mappings": {
            "networks": {"production": "production"},
            "storage": {"default": "default"},
            "test_network": "isolated",
        },
        "backup": {"folder": str(tmp_path)},
        "machines": machines,
    }
    path = tmp_path / "odd.yaml"
    path.write_text(json.dumps(values | changes))  # JSON is YAML
    return path


@pytest.fixture
def plan(lab, machines, monkeypatch, capsys):
    def run(path: Path) -> tuple[int, dict[str, Any]]:
        for host in ("kvm-a", "kvm-b"):
            connection = lab.connection(host)
            monkeypatch.setenv(f"AIRFLOW_CONN_{connection['id'].upper()}", json.dumps(connection))
        code = cli.main(["plan", "--json", str(path)])
        out, err = capsys.readouterr()
        assert not err
        return code, json.loads(out)

    return run


def ids(machine: dict[str, Any], category: str) -> set[str]:
    return {concern["id"] for concern in machine["concerns"] if concern["category"] == category}


def test_each_machine_raises_the_concerns_that_it_is_made_for(plan, tmp_path):
    machines = [{"name": name, "strategy": "cold"} for name in CRITICAL]
    code, report = plan(wave(tmp_path, machines))
    assert code == 1
    assert {m["name"]: ids(m, "Critical") for m in report["machines"]} == CRITICAL
    found = {m["name"]: ids(m, "Warning") - {"checks.none", "host.memory"} for m in report["machines"]}
    assert {name: warnings for name, warnings in found.items() if warnings} == WARNINGS


def test_a_live_move_needs_a_machine_that_runs_and_has_no_snapshots(plan, tmp_path):
    machines = [{"name": name, "strategy": "live"} for name in ("fine", "remembering", "linked")]
    _, report = plan(wave(tmp_path, machines))
    fine, remembering, linked = (ids(machine, "Critical") for machine in report["machines"])
    assert fine == {"machine.power_state"}
    assert "machine.snapshots" in remembering
    assert "disk.backing_chain" in linked


def test_the_target_s_networks_and_pools_are_looked_at(plan, tmp_path):
    mappings = {"networks": {"production": "nowhere"}, "storage": {"default": "nowhere"}, "test_network": "production"}
    _, report = plan(wave(tmp_path, [{"name": "fine", "strategy": "cold"}], mappings=mappings))
    assert ids(report["machines"][0], "Critical") == {"network.missing", "storage.missing", "trial.network"}


def test_a_pool_that_is_too_small_is_told_before_anything_is_copied(plan, tmp_path):
    mappings = {"networks": {"production": "production"}, "storage": {"default": "small"}, "test_network": "isolated"}
    machines = [{"name": name, "strategy": "cold"} for name in ("fine", "large")]
    _, report = plan(wave(tmp_path, machines, mappings=mappings))
    assert [ids(machine, "Critical") for machine in report["machines"]] == [{"storage.too_small"}] * 2
    assert plan(wave(tmp_path, machines[:1], mappings=mappings))[0] == 0


def test_a_waived_concern_lets_the_plan_pass(plan, tmp_path):
    waive = [{"id": "device.tpm", "reason": "The recovery key is in the safe."}]
    code, report = plan(wave(tmp_path, [{"name": "trusted", "strategy": "cold", "waive": waive}]))
    assert code == 0
    (warning,) = [c for c in report["machines"][0]["concerns"] if c["id"] == "device.tpm"]
    assert warning["category"] == "Warning"
    assert "in the safe" in warning["assessment"]


def test_a_clock_that_is_wrong_is_seen(lab, machines, monkeypatch):
    """The lab's hosts share one clock, so what a host told is changed on its way."""
    import dataclasses

    from drover.concerns.gather import gather
    from drover.concerns.run import run
    from drover.hypervisors.connection import from_environment
    from drover.hypervisors.registry import connect
    from drover.waves.schema import Wave

    for host in ("kvm-a", "kvm-b"):
        monkeypatch.setenv(f"AIRFLOW_CONN_{lab.connection(host)['id'].upper()}", json.dumps(lab.connection(host)))
    made = Wave.model_validate(
        {
            "wave": "odd",
            "source": "lab_kvm_a",
            "target": "lab_kvm_b",
            "mappings": {"networks": {"production": "production"}, "storage": {"default": "default"}},
            "backup": {"folder": "/tmp"},
            "machines": [{"name": "fine", "strategy": "cold"}],
        }
    )
    with connect(from_environment("lab_kvm_a")) as source, connect(from_environment("lab_kvm_b")) as target:
        seen = gather(made, made.machines[0], source, target, from_environment)
    assert {c.id for c in run(seen)} == {"checks.none", "trial.network"}
    assert to_json(seen.source)["name"] == "fine"
    late = dataclasses.replace(seen.target_host, clock=seen.target_host.clock - 3600)
    facts = dataclasses.replace(seen.target_facts, host=late)
    assert "host.clocks" in {c.id for c in run(dataclasses.replace(seen, target_facts=facts))}


def test_a_host_that_is_gone_ends_the_plan_with_2(lab, machines, tmp_path, monkeypatch, capsys):
    connection = lab.connection("kvm-b")
    monkeypatch.setenv("AIRFLOW_CONN_LAB_KVM_A", json.dumps(lab.connection("kvm-a")))
    monkeypatch.setenv("AIRFLOW_CONN_LAB_KVM_B", json.dumps(connection | {"port": 1}))
    assert cli.main(["plan", str(wave(tmp_path, [{"name": "fine", "strategy": "cold"}]))]) == 2
    told = capsys.readouterr().err
    assert connection["host"] in told or "lab_kvm_b" in told
    assert "Traceback" not in told

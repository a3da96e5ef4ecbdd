"""Concerns as real libvirt hosts raise them: machines that are defined, never started, each with something wrong."""

import json
from typing import Any

import plants_hyperv
import plants_vcenter
import pytest
from not_planted import CANNOT
from plants import CRITICAL, RUNNING, TO_HYPERV, TO_VCENTER, WARNINGS

from drover import cli
from drover.concerns import catalogue
from drover.model import to_json

pytestmark = pytest.mark.lab


@pytest.fixture
def plan(plan, machines):
    """Of the machines that are planted on the KVM hosts."""
    return plan


def ids(machine: dict[str, Any], category: str) -> set[str]:
    return {concern["id"] for concern in machine["concerns"] if concern["category"] == category}


def test_each_machine_raises_the_concerns_that_it_is_made_for(plan, wave):
    machines = [{"name": name, "strategy": "cold"} for name in CRITICAL]
    code, report = plan(wave(machines))
    assert code == 1
    assert {m["name"]: ids(m, "Critical") for m in report["machines"]} == CRITICAL
    assert all("checks.none" in ids(m, "Warning") for m in report["machines"])
    found = {m["name"]: ids(m, "Warning") - {"checks.none", "host.memory"} for m in report["machines"]}
    assert {name: warnings for name, warnings in found.items() if warnings} == WARNINGS


COMMAND = {"command": {"connection": "nobody_has_it", "run": ["true"]}}
SHORT = {"opens": "22:00", "closes": "22:01", "timezone": "UTC"}
MAPPINGS = {"networks": {"production": "isolated"}, "storage": {"default": "small"}, "test_network": "isolated"}
FINE, LIVE = {"name": "fine"}, {"name": "fine", "strategy": "live"}
SEEING = {"name": "seeing through", "strategy": "live"}
# What the wave says beyond the usual, of which machine, and what is found of it: a plan each costs time.
BY_WAVE: list[tuple[dict[str, Any], dict[str, Any], set[str]]] = [
    ({}, SEEING, {"cpu.passthrough"}),
    ({}, LIVE | {"checks": [COMMAND]}, {"connection.missing", "live.unencrypted", "strategy.live_unproven"}),
    ({"target": "lab_again"}, FINE, {"connection.host_key", "host.same"}),
    ({"mappings": MAPPINGS}, {"name": "wide"}, {"network.isolated", "storage.disk_over_pool"}),
    ({"backup": {"folder": "/etc/passwd/below"}, "window": SHORT}, FINE, {"backup.folder", "window.too_short"}),
    # A folder of the kernel's: it can be written to, and there is no room in it.
    (
        {"backup": {"folder": "/proc"}, "rehearsal": {"required": "7 days"}},
        {"name": "large"},
        {"backup.space", "rehearsal.missing"},
    ),
]
# Planted by a test of their own, here or in test_lab_plan_kinds.
OTHERWISE = {
    "checks.none",
    "connection.certificate",
    "connection.smb_unencrypted",
    "disk.unreachable",
    "host.maintenance",
    "machine.power_state",
    "network.missing",
    "performance.unknown",
    "storage.missing",
    "storage.too_small",
    "strategy.live_impossible",
    "trial.network",
}


def test_every_concern_is_planted_or_it_is_said_why_not():
    on_vcenter = plants_vcenter.COLD | plants_vcenter.AWAKE | plants_vcenter.LIVE
    planted = set().union(
        *(ids for plants in (CRITICAL, WARNINGS, TO_VCENTER, TO_HYPERV, RUNNING) for ids in plants.values()),
        *(ids for *_, ids in (*on_vcenter.values(), *plants_hyperv.PLANTS.values(), *BY_WAVE)),
        OTHERWISE,
    )
    assert planted | CANNOT.keys() == {module.ID for module in catalogue.modules()}
    assert planted & CANNOT.keys() == set()


@pytest.mark.parametrize(("changes", "machine", "expected"), BY_WAVE)
def test_what_the_wave_brings_about_is_found(plan, wave, changes, machine, expected):
    _, report = plan(wave([{"strategy": "cold"} | machine], **changes))
    assert expected <= {found["id"] for found in report["machines"][0]["concerns"]}


def test_a_live_move_needs_a_machine_that_runs_and_has_no_snapshots(plan, wave):
    machines = [{"name": name, "strategy": "live"} for name in ("fine", "remembering", "linked")]
    _, report = plan(wave(machines))
    fine, remembering, linked = (ids(machine, "Critical") for machine in report["machines"])
    assert fine == {"machine.power_state"}
    assert "machine.snapshots" in remembering
    assert "disk.backing_chain" in linked


def test_the_target_s_networks_and_pools_are_looked_at(plan, wave):
    mappings = {"networks": {"production": "nowhere"}, "storage": {"default": "nowhere"}, "test_network": "production"}
    _, report = plan(wave([{"name": "fine", "strategy": "cold"}], mappings=mappings))
    assert ids(report["machines"][0], "Critical") == {"network.missing", "storage.missing", "trial.network"}


def test_a_pool_that_is_too_small_is_told_before_anything_is_copied(plan, wave):
    mappings = {"networks": {"production": "production"}, "storage": {"default": "small"}, "test_network": "isolated"}
    machines = [{"name": name, "strategy": "cold"} for name in ("fine", "large")]
    _, report = plan(wave(machines, mappings=mappings))
    fine, large = (ids(machine, "Critical") for machine in report["machines"])
    assert (fine, large) == ({"storage.too_small"}, {"storage.too_small", "storage.disk_over_pool"})
    assert plan(wave(machines[:1], mappings=mappings))[0] == 0


def test_a_waived_concern_lets_the_plan_pass(plan, wave):
    waive = [{"id": "device.tpm", "reason": "The recovery key is in the safe."}]
    code, report = plan(wave([{"name": "trusted", "strategy": "cold", "waive": waive}]))
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
    assert {c.id for c in run(seen)} == {"checks.none", "target.address_clash", "trial.network"}
    assert to_json(seen.source)["name"] == "fine"
    late = dataclasses.replace(seen.target_host, clock=seen.target_host.clock - 3600)
    facts = dataclasses.replace(seen.target_facts, host=late)
    assert "host.clocks" in {c.id for c in run(dataclasses.replace(seen, target_facts=facts))}


def test_a_host_that_is_gone_ends_the_plan_with_2(lab, machines, wave, monkeypatch, capsys):
    connection = lab.connection("kvm-b")
    monkeypatch.setenv("AIRFLOW_CONN_LAB_KVM_A", json.dumps(lab.connection("kvm-a")))
    monkeypatch.setenv("AIRFLOW_CONN_LAB_KVM_B", json.dumps(connection | {"port": 1}))
    assert cli.main(["plan", str(wave([{"name": "fine", "strategy": "cold"}]))]) == 2
    told = capsys.readouterr().err
    assert f"The connection to {connection['host']} failed" in told
    assert "Traceback" not in told

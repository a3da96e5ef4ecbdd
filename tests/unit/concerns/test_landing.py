"""Room behind a vCenter is judged by host: a machine runs on one of them, not on their sum."""

import pytest
from factory import CRITICAL, GIB, WARNING, ask, categories, host, is_unknown, machine, preflight, together

from drover.concerns import cpu_capacity, cpu_count, host_maintenance, landing, memory, memory_capacity
from drover.hypervisors.connection import ConnectionSpec
from drover.model import Cpu

LARGE = machine(memory=6 * GIB)


def esx(number, free=4, cluster="prod", cpus=8, **changes):
    return host(name=f"esx-{number}", memory=8 * GIB, memory_free=free * GIB, cpus=cpus, cluster=cluster, **changes)


def behind(source=LARGE, *hosts, **changes):
    """:param changes: of the move."""
    target = host(
        name="vcenter",
        memory=sum(each.memory for each in hosts),
        memory_free=sum(each.memory_free for each in hosts),
        cpus=sum(each.cpus for each in hosts),
    )
    return preflight(source, target=target, hosts=hosts, **changes)


def named(place):
    return {"plan": {"mappings": {"host": place}}}


def test_a_machine_is_not_spread_over_two_hosts():
    (found,) = ask(memory, behind(LARGE, esx(1), esx(2)))
    assert found.category is CRITICAL
    assert "esx-1 4.0 GiB, esx-2 4.0 GiB of memory free; machine 'web' has 6.0 GiB" in found.assessment
    assert categories(memory, behind(LARGE, esx(1), esx(2, free=6))) == []


@pytest.mark.parametrize("place", ["esx-1", "old"])
def test_only_the_named_host_or_cluster_counts(place):
    hosts = (esx(1, cluster="old"), esx(2, free=7))
    assert categories(memory, behind(LARGE, *hosts, **named(place))) == [CRITICAL]
    assert categories(memory, behind(LARGE, *hosts, **named("prod"))) == []


def test_what_the_connection_names_counts_where_the_wave_names_nothing():
    spec = {"b": ConnectionSpec("b", "vsphere", "192.0.2.12", extra={"compute": "esx-1"})}
    hosts = (esx(1), esx(2, free=7))
    assert categories(memory, behind(LARGE, *hosts, connections=spec)) == [CRITICAL]
    assert categories(memory, behind(LARGE, *hosts, connections=spec, **named("esx-2"))) == []


def test_where_nothing_is_named_a_host_beside_the_clusters_is_one_of_all():
    assert categories(memory, behind(LARGE, esx(1, cluster=None), esx(2, free=7))) == []
    assert categories(memory, behind(LARGE, esx(1, cluster=None, free=7), esx(2))) == []


def test_a_cluster_of_which_all_are_in_maintenance_takes_none():
    """Hosts of another cluster do not stand in for them."""
    hosts = (esx(1, cluster="old", in_maintenance=True), esx(2, free=7))
    (found,) = ask(host_maintenance, behind(LARGE, *hosts, **named("old")))
    assert found.category is CRITICAL
    assert "esx-1 is in maintenance" in found.assessment
    assert categories(host_maintenance, behind(LARGE, *hosts, **named("prod"))) == []
    assert categories(host_maintenance, behind(LARGE, *hosts)) == []


def test_a_host_in_maintenance_takes_none():
    assert categories(memory, behind(LARGE, esx(1), esx(2, free=7, in_maintenance=True))) == [CRITICAL]


def test_the_whole_wave_is_put_on_hosts_one_machine_after_the_other():
    """Ten GiB are free, and yet there is no room for the third four."""
    four = [machine(name=f"m{number}", memory=4 * GIB) for number in range(2)]
    p = together(behind(machine(memory=4 * GIB), esx(1, free=5), esx(2, free=5)), *four[:1])
    assert categories(memory, p) == []
    p = together(behind(machine(memory=4 * GIB), esx(1, free=6), esx(2, free=6)), *four)
    assert categories(memory, p) == [WARNING]


def test_what_all_hosts_have_together_does_not_hold_what_none_holds():
    assert categories(memory_capacity, behind(machine(memory=9 * GIB), esx(1), esx(2))) == [CRITICAL]
    assert categories(memory_capacity, behind(machine(memory=8 * GIB), esx(1), esx(2))) == []
    there = tuple(machine(name=f"x{number}", memory=GIB, host=f"esx-{number}") for number in (1, 2))
    (found,) = ask(memory_capacity, behind(machine(memory=8 * GIB), esx(1), esx(2), target_machines=there))
    assert "No host has enough left for 'web'" in found.assessment
    assert categories(memory_capacity, behind(machine(memory=8 * GIB), esx(1), esx(2), target_machines=there[:1])) == []


def test_cpus_are_those_of_the_largest_host_that_may_be_the_one():
    assert categories(cpu_count, behind(machine(cpu=Cpu(9)), esx(1), esx(2))) == [WARNING]
    assert categories(cpu_count, behind(machine(cpu=Cpu(9)), esx(1), esx(2, cpus=12))) == []
    assert categories(cpu_count, behind(machine(cpu=Cpu(9)), esx(1), esx(2, cpus=12), **named("esx-1"))) == [WARNING]


def test_cpus_are_shared_by_those_that_go_to_the_same_hosts():
    hosts = (esx(1, cpus=2, cluster="old"), esx(2))
    assert categories(cpu_capacity, behind(machine(cpu=Cpu(9)), *hosts)) == []
    assert categories(cpu_capacity, behind(machine(cpu=Cpu(9)), *hosts, **named("old"))) == [WARNING]


def test_a_host_that_does_not_tell_blocks():
    assert is_unknown(ask(memory, behind(LARGE, esx(1, free=7), host(name="esx-2", memory_free=-1))))
    assert is_unknown(ask(cpu_count, behind(LARGE, esx(1), esx(2, cpus=0))))


def test_a_name_that_is_neither_leaves_all_of_them():
    """That there is no such host is told by translation.refused."""
    p = behind(LARGE, esx(1), esx(2), **named("nowhere"))
    assert [each.name for each in landing.hosts_for(p, p.plan)] == ["esx-1", "esx-2"]

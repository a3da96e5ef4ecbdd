import pytest
from factory import WARNING, ask, categories, is_unknown, machine, preflight

from drover.concerns import cluster_rules as concern
from drover.concerns import device_other


def test_a_machine_without_one_is_no_concern():
    assert categories(concern, preflight()) == []
    assert categories(concern, preflight(machine(devices=("vsock",)))) == []


@pytest.mark.parametrize("kind", sorted(concern.KINDS - {"cluster-unreadable"}))
def test_one_is_found_and_told_by_its_name(kind):
    p = preflight(machine(devices=("vsock", f"{kind} of a name")))
    assert categories(concern, p) == [WARNING]
    assert f"{kind} of a name" in next(iter(concern.check(p))).assessment
    assert [one.assessment.count(kind) for one in device_other.check(p)] == [0]


def test_a_cluster_whose_rules_nobody_may_see_blocks():
    found = ask(concern, preflight(machine(devices=("cluster-unreadable cluster-a",))))
    assert is_unknown(found)
    assert "which rules the cluster cluster-a has" in found[0].assessment


def test_a_machine_that_is_not_there_is_another_concern():
    assert categories(concern, preflight(None)) == []

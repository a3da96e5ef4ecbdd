from factory import WARNING, categories, machine, preflight

from drover.concerns import nic_sriov as concern

WITH = machine(devices=("vsock", "sriov 00:15:5d:01:02:03"))


def test_a_machine_without_one_is_no_concern():
    assert categories(concern, preflight()) == []


def test_one_is_found_where_the_machine_is_made_anew():
    assert categories(concern, preflight(WITH)) == [WARNING]
    assert categories(concern, preflight(WITH, live=True)) == []


def test_a_machine_that_is_not_there_is_another_concern():
    assert categories(concern, preflight(None)) == []

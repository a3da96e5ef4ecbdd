from factory import CRITICAL, ask, categories, is_unknown, machine, nic, preflight

from drover.concerns import network_unmapped as concern


def test_a_mapped_network_is_no_concern():
    assert categories(concern, preflight()) == []


def test_a_machine_without_adapters_is_no_concern():
    assert categories(concern, preflight(machine(nics=()))) == []


def test_a_network_that_is_not_mapped_blocks_once_for_all_its_adapters():
    found = ask(concern, preflight(machine(nics=(nic(network="dmz"), nic(network="dmz")))))
    assert [each.category for each in found] == [CRITICAL]
    assert "'dmz'" in found[0].assessment
    assert "'production'" in found[0].assessment


def test_an_adapter_on_no_network_blocks():
    assert is_unknown(ask(concern, preflight(machine(nics=(nic(network=""),)))))

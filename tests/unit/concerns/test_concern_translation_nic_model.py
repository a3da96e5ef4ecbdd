from factory import WARNING, ask, categories, machine, nic, preflight

from drover.concerns import translation_nic_model as concern


def test_the_same_model_on_another_network_is_no_concern():
    assert categories(concern, preflight(translated=machine(nics=(nic(network="b"),)))) == []


def test_another_model_is_a_warning_that_names_the_adapter():
    before, after = machine(nics=(nic(), nic(model="hyperv"))), machine(nics=(nic(), nic(model="e1000e")))
    (found,) = ask(concern, preflight(before, translated=after))
    assert found.category is WARNING
    assert "is a hyperv; at the target it is a e1000e" in found.assessment


def test_a_model_that_nobody_named_is_no_match():
    p = preflight(machine(nics=(nic(model=""),)), translated=machine(nics=(nic(model="e1000"),)))
    assert categories(concern, p) == [WARNING]

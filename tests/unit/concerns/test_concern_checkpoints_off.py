from factory import CRITICAL, WARNING, ask, categories, host, is_unknown, machine, preflight

from drover.concerns import checkpoints_off as concern
from drover.model import PowerState

OFF, ONLY = machine(devices=("checkpoints Disabled",)), machine(devices=("checkpoints ProductionOnly",))


def test_a_machine_without_such_a_setting_is_no_concern():
    assert categories(concern, preflight()) == []
    assert categories(concern, preflight(None)) == []


def test_a_running_machine_that_may_have_none_blocks_whatever_its_strategy():
    for live in (False, True):
        (found,) = ask(concern, preflight(OFF, live=live))
        assert found.category is CRITICAL
        assert found.assessment.startswith("Machine 'web' runs, and its checkpoints are off. ")


def test_one_that_is_off_is_read_as_it_is_and_at_another_host_of_its_kind_they_are_on():
    off = machine(devices=OFF.devices, state=PowerState.OFF)
    (found,) = ask(concern, preflight(off))
    assert found.category is WARNING
    assert "at the target they are not" in found.assessment
    assert categories(concern, preflight(off, target=host(hypervisor="hyperv"))) == []


def test_a_guest_that_has_to_agree_is_a_warning():
    assert categories(concern, preflight(ONLY)) == [WARNING]


def test_what_nobody_knows_blocks():
    assert is_unknown(ask(concern, preflight(machine(devices=("checkpoints",)))))

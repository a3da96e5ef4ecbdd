import pytest
from factory import CRITICAL, ask, categories, is_unknown, machine, preflight

from drover.concerns import guest_tools as concern
from drover.model import PowerState


def told(tools, **changes):
    return machine(**({"hypervisor": "vsphere", "guest_tools": tools} | changes))


def test_tools_that_run_or_are_not_needed_are_no_concern():
    assert categories(concern, preflight(told("running"))) == []
    assert categories(concern, preflight(told("not running", state=PowerState.OFF))) == []
    assert categories(concern, preflight(told("not running"), live=True)) == []
    assert categories(concern, preflight(machine(guest_tools=None))) == [], "libvirt needs none"
    assert categories(concern, preflight(None)) == []


@pytest.mark.parametrize("tools", ["not running", "not installed"])
def test_tools_that_do_not_run_block_a_machine_that_must_be_shut_down(tools):
    (found,) = ask(concern, preflight(told(tools)))
    assert found.category is CRITICAL
    assert tools in found.assessment


def test_what_nobody_knows_blocks():
    assert is_unknown(ask(concern, preflight(told(None))))
    assert is_unknown(ask(concern, preflight(told(None, hypervisor="hyperv"))))

import pytest
from factory import WARNING, ask, categories, is_unknown, preflight

from drover.concerns import live_unencrypted as concern
from drover.hypervisors.connection import ConnectionSpec


def target(kind="libvirt", live=True, **extra):
    return preflight(live=live, connections={"b": ConnectionSpec("b", kind, "192.0.2.12", extra=extra)})


@pytest.mark.parametrize("value", [True, "true", "True"])
def test_a_live_move_over_tls_is_no_concern(value):
    assert categories(concern, target(migrate_tls=value)) == []


@pytest.mark.parametrize("extra", [{}, {"migrate_tls": False}, {"migrate_tls": "false"}])
def test_one_in_plain_is_a_warning_that_names_the_connection(extra):
    found = ask(concern, target(**extra))
    assert [each.category for each in found] == [WARNING]
    assert "'b'" in found[0].assessment


def test_a_cold_move_goes_through_ssh():
    assert categories(concern, target(live=False)) == []


def test_other_kinds_have_their_own_way():
    assert categories(concern, target(kind="vsphere")) == []


@pytest.mark.parametrize("value", ["yes", 1, ""])
def test_anything_else_blocks(value):
    assert is_unknown(ask(concern, target(migrate_tls=value)))


def test_hyperv_sends_it_in_plain():
    assert categories(concern, target(kind="hyperv")) == [WARNING]
    assert categories(concern, target(kind="hyperv", live=False)) == []

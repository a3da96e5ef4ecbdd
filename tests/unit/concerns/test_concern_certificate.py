import pytest
from factory import WARNING, ask, categories, is_unknown, preflight

from drover.concerns import certificate as concern
from drover.hypervisors.connection import ConnectionSpec


def with_extra(value, kind="vsphere"):
    return preflight(connections={"b": ConnectionSpec("b", kind, "192.0.2.12", extra={"verify_certificate": value})})


@pytest.mark.parametrize("value", [True, "true", "True"])
def test_a_connection_that_verifies_is_no_concern(value):
    assert categories(concern, with_extra(value)) == []
    assert categories(concern, preflight(connections={"b": ConnectionSpec("b", "hyperv", "192.0.2.12")})) == []
    assert categories(concern, with_extra(False, "libvirt")) == [], "it has host keys"


@pytest.mark.parametrize("value", [False, "false", "False"])
def test_one_that_does_not_is_a_warning_that_names_it(value):
    found = ask(concern, with_extra(value))
    assert [each.category for each in found] == [WARNING]
    assert "'b'" in found[0].assessment
    assert categories(concern, with_extra(value, "hyperv")) == [WARNING]


@pytest.mark.parametrize("value", ["no", 0, None, "", []])
def test_anything_else_blocks(value):
    assert is_unknown(ask(concern, with_extra(value)))

import pytest
from factory import INFORMATION, WARNING, ask, categories, machine, preflight

from drover.concerns import domain_controller as concern

SERVER = "Microsoft Windows Server 2022 (64-bit)"


def found(name="web", **changes):
    return ask(concern, preflight(machine(name=name, **changes)))


def test_a_guest_that_says_it_is_none_or_is_another_system_is_no_concern():
    assert found("dc01", guest_os=SERVER, domain_controller=False) == []
    assert found("dc01", guest_os="Debian GNU/Linux 12") == []
    assert found(guest_os="Windows 11") == []
    assert categories(concern, preflight()) == []
    assert categories(concern, preflight(None)) == []


def test_one_that_says_it_is_one_is_told():
    (one,) = found(guest_os=SERVER, domain_controller=True)
    assert one.category is WARNING
    assert "says that it is a domain controller" in one.assessment


@pytest.mark.parametrize("name", ["dc", "DC01", "site-a-dc2", "PDC", "BDC-1", "addc1", "old domain controller"])
def test_one_whose_name_says_so_may_be_one(name):
    assert [one.category for one in found(name)] == [WARNING]


def test_one_whose_notes_say_so_may_be_one():
    (one,) = found(guest_os=SERVER, notes="Second Domain Controller of the site")
    assert one.category is WARNING
    assert "say 'Domain Controller'" in one.assessment


@pytest.mark.parametrize("name", ["dcim", "adcache", "broadcast", "dc1234", "dcx"])
def test_other_names_say_nothing(name):
    assert found(name) == []
    assert found(notes="came from DC 2 in Frankfurt") == []


@pytest.mark.parametrize("system", [SERVER, "win 2k22"])
def test_a_windows_server_of_which_nobody_can_tell_is_told(system):
    assert [one.category for one in found(guest_os=system)] == [INFORMATION]

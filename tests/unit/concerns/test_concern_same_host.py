from factory import CRITICAL, categories, host, preflight

from drover.concerns import same_host as concern


def test_two_hosts_are_no_concern():
    assert categories(concern, preflight()) == []


def test_one_host_twice_blocks():
    assert categories(concern, preflight(target=host(name="kvm-a"))) == [CRITICAL]

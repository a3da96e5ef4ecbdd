from factory import CRITICAL, ask, categories, host, is_unknown, preflight

from drover.concerns import host_maintenance as concern

HOSTS = (host(name="esx-1", in_maintenance=True), host(name="esx-2"))


def test_a_host_in_use_is_no_concern():
    assert categories(concern, preflight()) == []
    assert categories(concern, preflight(hosts=HOSTS)) == [], "another one takes the machine"
    assert categories(concern, preflight(hosts=HOSTS, plan={"mappings": {"host": "esx-2"}})) == []
    assert categories(concern, preflight(hosts=HOSTS, plan={"mappings": {"host": "cluster"}})) == []


def test_the_host_that_is_named_blocks_while_it_is_in_maintenance():
    (found,) = ask(concern, preflight(hosts=HOSTS, plan={"mappings": {"host": "esx-1"}}))
    assert found.category is CRITICAL
    assert "esx-1 is in maintenance" in found.assessment


def test_all_of_them_in_maintenance_block():
    assert categories(concern, preflight(hosts=HOSTS[:1] * 2)) == [CRITICAL]


def test_hosts_that_cannot_be_seen_block():
    assert is_unknown(ask(concern, preflight(hosts=())))

from factory import CRITICAL, categories, preflight

from drover.concerns import connection_missing as concern


def test_connections_that_are_there_are_no_concern():
    assert categories(concern, preflight()) == []


def test_one_that_is_not_blocks():
    assert categories(concern, preflight(connections={"ssh_web": None})) == [CRITICAL]

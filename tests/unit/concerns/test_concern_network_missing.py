from factory import CRITICAL, NETWORKS, categories, preflight

from drover.concerns import network_missing as concern
from drover.model import Network


def test_an_active_network_is_no_concern():
    assert categories(concern, preflight()) == []


def test_a_network_that_is_not_there_blocks():
    assert categories(concern, preflight(networks=NETWORKS[1:])) == [CRITICAL]
    assert categories(concern, preflight(networks=())) == [CRITICAL]


def test_a_network_that_is_not_active_blocks():
    assert categories(concern, preflight(networks=(Network("production", False),))) == [CRITICAL]

from factory import WARNING, categories, preflight

from drover.concerns import network_isolated as concern


def test_a_network_with_an_uplink_is_no_concern():
    assert categories(concern, preflight()) == []


def test_an_isolated_network_is_a_warning():
    assert categories(concern, preflight(mappings={"networks": {"production": "isolated"}})) == [WARNING]


def test_a_network_that_is_not_there_is_another_concern():
    assert categories(concern, preflight(networks=())) == []

import dataclasses

from factory import CRITICAL, POOL, categories, preflight

from drover.concerns import storage_missing as concern


def test_an_active_pool_is_no_concern():
    assert categories(concern, preflight()) == []


def test_a_pool_that_is_not_there_blocks():
    assert categories(concern, preflight(pools=())) == [CRITICAL]


def test_a_pool_that_is_not_active_blocks():
    assert categories(concern, preflight(pools=(dataclasses.replace(POOL, active=False),))) == [CRITICAL]

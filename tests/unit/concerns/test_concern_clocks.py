import dataclasses
import math

import pytest
from factory import CRITICAL, NOW, WARNING, ask, categories, host, is_unknown, preflight

from drover.concerns import clocks as concern


@pytest.mark.parametrize(
    ("ahead", "expected"),
    [(0, []), (2, []), (-2, []), (2.1, [WARNING]), (-60, [WARNING]), (60.1, [CRITICAL]), (-3600, [CRITICAL])],
)
def test_how_far_apart_they_may_be(ahead, expected):
    assert categories(concern, preflight(target=host(clock=NOW + ahead))) == expected


def test_a_host_that_was_slow_to_answer_is_given_that_time():
    p = preflight(target=host(clock=NOW + 5))
    slow = dataclasses.replace(p.target_facts, asked=(NOW, NOW + 8))
    assert categories(concern, dataclasses.replace(p, target_facts=slow)) == []


def test_our_own_clock_does_not_matter():
    p = preflight(target=host(clock=NOW + 900), source_host=host(name="kvm-a", clock=NOW + 900))
    assert categories(concern, p) == []


@pytest.mark.parametrize("clock", [math.nan, math.inf, 0.0, -1.0])
def test_a_clock_that_does_not_tell_blocks(clock):
    assert is_unknown(ask(concern, preflight(target=host(clock=clock))))

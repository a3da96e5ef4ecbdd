import dataclasses

import pytest
from factory import CRITICAL, NOW, ask, categories, is_unknown, preflight

from drover.concerns import rehearsal_missing as concern
from drover.concerns.preflight import Rehearsed

DAY = 24 * 3600.0
ASKED = {"rehearsal": {"required": "7 days"}}


def after(last, **wave):
    return dataclasses.replace(preflight(**(ASKED | wave)), rehearsed=last)


def test_a_wave_that_does_not_ask_is_no_concern():
    assert categories(concern, preflight()) == []


def test_one_that_passed_lately_is_enough():
    assert categories(concern, after(Rehearsed(NOW - 6 * DAY, "x", "x"))) == []


@pytest.mark.parametrize(
    ("last", "words"),
    [
        (None, "No rehearsal of 'web' has passed"),
        (Rehearsed(NOW - 8 * DAY, "x", "x"), "passed 192 h 00 min ago"),
        (Rehearsed(NOW - DAY, "x", "y"), "other hosts, mappings, disks or checks"),
    ],
)
def test_none_or_an_old_one_or_another_one_blocks(last, words):
    (found,) = ask(concern, after(last))
    assert found.category is CRITICAL
    assert words in found.assessment
    assert "rehearse_test" in found.assessment


def test_records_that_nobody_can_read_block():
    assert is_unknown(ask(concern, after(Rehearsed(None, "", "x"))))


def test_the_rehearsal_itself_needs_none_before_it():
    assert categories(concern, after(None, mode="rehearsal")) == []

import dataclasses

from factory import CRITICAL, ask, categories, is_unknown, preflight

from drover.concerns import window_too_short as concern
from drover.waves.fit import Fit

WINDOW = {"opens": "22:00", "closes": "05:00", "timezone": "Europe/Berlin"}
FIT = Fit(3600.0, 7 * 3600.0, "Tue 22:00", "Wed 05:00", late=(), fits=("web",))


def fitting(**changes):
    fit = dataclasses.replace(FIT, **changes)
    return dataclasses.replace(preflight(window=WINDOW), fit=fit)


def test_a_wave_that_fits_and_one_without_a_window_are_no_concern():
    assert categories(concern, fitting()) == []
    assert categories(concern, preflight()) == []


def test_a_wave_that_does_not_fit_blocks_with_what_would():
    (found,) = ask(concern, fitting(needed=9 * 3600.0, late=("db",)))
    assert found.category is CRITICAL
    for words in ("9 h 00 min", "7 h 00 min", "what fits is 'web'", "'db' would arrive too late"):
        assert words in found.assessment


def test_a_rehearsal_keeps_to_no_window():
    assert categories(concern, preflight(window=WINDOW, mode="rehearsal")) == []


def test_a_wave_of_which_nobody_knows_how_long_it_takes_blocks():
    assert is_unknown(ask(concern, preflight(window=WINDOW)))

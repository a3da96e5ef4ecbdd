"""Of each concern there is a true, a false and an unknown case."""

import inspect

import pytest
from cases import CASES, NOT_THERE, NOTHING_WRONG
from factory import ask

from drover.concerns import catalogue, run
from drover.concerns.catalogue import ConcernModule
from drover.concerns.finding import UnknownConcern
from drover.concerns.preflight import Preflight
from drover.model import Category

BY_ID = {module.ID: module for module in catalogue.modules()}
# These exist for what nobody knows, and tell nothing else.
UNKNOWN_ALONE = {"device.other", "performance.unknown"}
# The platform tells these from inside the guest, where it tells them at all: that nobody knows is said, and blocks not.
SAID_ONLY = {"guest.domain_controller", "guest.system", "target.address_clash"}


def blocks(p: Preflight) -> bool:
    """Whether something is found that no waiver lets through."""
    return any(one.category is Category.CRITICAL and not _waivable(one.id, one) for one in run.run(p))


def _waivable(concern_id: str, concern: object) -> bool:
    return BY_ID[concern_id].WAIVABLE and not isinstance(concern, UnknownConcern)


def judges_the_unknown(module: ConcernModule) -> bool:
    return " unknown(" in inspect.getsource(module)  # type: ignore[arg-type]


def test_every_concern_has_its_cases_and_no_other() -> None:
    assert sorted(CASES) == sorted(BY_ID)


@pytest.mark.parametrize("concern", CASES)
def test_it_is_true(concern: str) -> None:
    found = ask(BY_ID[concern], CASES[concern].true())  # type: ignore[arg-type]
    if concern in UNKNOWN_ALONE:
        assert all(isinstance(one, UnknownConcern) for one in found)
    else:
        assert not any(isinstance(one, UnknownConcern) for one in found)
    assert found


@pytest.mark.parametrize("concern", CASES)
def test_it_is_false(concern: str) -> None:
    assert ask(BY_ID[concern], NOTHING_WRONG) == []  # type: ignore[arg-type]


@pytest.mark.parametrize("concern", CASES)
def test_it_is_not_known(concern: str) -> None:
    """The concern says so itself, or another one blocks that no waiver lets through."""
    p = CASES[concern].unknown()
    said = ask(BY_ID[concern], p)  # type: ignore[arg-type]
    if concern in SAID_ONLY:
        assert [one.category for one in said] == [Category.INFORMATION]
    elif judges_the_unknown(BY_ID[concern]):
        assert {type(one) for one in said} == {UnknownConcern}
    else:
        assert blocks(p)


def test_what_is_said_only_is_no_loophole_for_others() -> None:
    """A concern that judges the unknown by itself blocks there; those that only say it are named, and few."""
    assert {one for one in SAID_ONLY if judges_the_unknown(BY_ID[one])} == set()
    assert not blocks(NOTHING_WRONG)
    assert blocks(NOT_THERE)

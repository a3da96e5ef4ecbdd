"""Of each concern there is a true, a false and an unknown case."""

import inspect
import re
import sys
from pathlib import Path

import pytest
from cases import CASES, NOTHING_WRONG
from factory import ask

from drover.concerns import catalogue, run
from drover.concerns.catalogue import ConcernModule
from drover.concerns.finding import UnknownConcern
from drover.hypervisors.hyperv import inventory as hyperv
from drover.hypervisors.vsphere import inventory as vsphere
from drover.model import Category

sys.path.append(str(Path(__file__).parents[1] / "hyperv"))
from answers import DISK, answer  # noqa: E402

BY_ID = {module.ID: module for module in catalogue.modules()}
# These exist for what nobody knows, and tell nothing else.
UNKNOWN_ALONE = {"device.other", "performance.unknown"}
# The platform tells these from inside the guest, where it tells them at all: that nobody knows is said, and blocks not.
SAID_ONLY = {"guest.domain_controller", "guest.system", "target.address_clash"}


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


@pytest.mark.parametrize("concern", [concern for concern, case in CASES.items() if case.unknown])
def test_it_is_not_known(concern: str) -> None:
    """The concern says so itself, or the other one that its case names: in words about this very fact."""
    case, module = CASES[concern], BY_ID[concern]
    assert case.unknown
    p = case.unknown()
    said = ask(module, p)  # type: ignore[arg-type]
    if case.by:
        told = [one for one in run.run(p) if one.id == case.by and case.word in one.assessment]
        assert [one.category for one in told] == [Category.CRITICAL]
        assert not any(_waivable(one.id, one) for one in told)
    elif concern in SAID_ONLY:
        assert [one.category for one in said] == [Category.INFORMATION]
    else:
        assert {type(one) for one in said} == {UnknownConcern}


@pytest.mark.parametrize("concern", CASES)
def test_a_fact_is_missing_or_it_is_said_why_it_never_is(concern: str) -> None:
    case = CASES[concern]
    assert bool(case.unknown) != bool(case.never)
    assert bool(case.by) == bool(case.word)
    # A concern that judges the unknown by itself has a case of it.
    assert not judges_the_unknown(BY_ID[concern]) or (case.unknown and not case.by)


@pytest.mark.parametrize("concern", [concern for concern, case in CASES.items() if case.word.startswith("unreadable ")])
def test_the_inventories_have_the_word_for_what_they_do_not_see(concern: str) -> None:
    _, what, why = re.split(r"^unreadable | \(", CASES[concern].word)
    if why == "NoPermission)":
        assert what in vsphere._PATHS
    else:
        empty = answer(replication="", secureBoot="", generation=2, disks=[{**DISK, "shared": None}])
        empty |= dict.fromkeys(("clustered", "shielded", "tpm", "memoryDynamic", "nested", "stopAction"))
        assert CASES[concern].word in hyperv.machine_of(empty, ["D:"]).devices


def test_what_is_said_only_is_no_loophole_for_others() -> None:
    """A concern that judges the unknown by itself blocks there; those that only say it are named, and few."""
    assert {one for one in SAID_ONLY if judges_the_unknown(BY_ID[one])} == set()

import dataclasses

import pytest
from factory import CRITICAL, GIB, MACHINE, WARNING, ask, categories, is_unknown, machine, owned, preflight, wave

from drover.concerns import backup_space as concern
from drover.concerns import run
from drover.concerns.preflight import FolderFacts, Preflight

ENOUGH, SHORT = FolderFacts("/b", True, GIB), FolderFacts("/b", True, GIB - 1)


def beside(p: Preflight, *others):
    """The wave has more machines, each with a disk of one GiB."""
    companions = (*p.companions, *((p.plan.model_copy(update={"name": each.name}), each) for each in others))
    return dataclasses.replace(p, companions=companions)


def test_a_folder_with_space_is_no_concern():
    assert categories(concern, preflight(folder=ENOUGH)) == []


def test_too_little_space_blocks():
    assert categories(concern, preflight(folder=SHORT)) == [CRITICAL]
    (found,) = ask(concern, beside(preflight(folder=ENOUGH), machine(name="db")))
    assert found.category is CRITICAL
    assert "The first 1 of 2 machines would fit: those up to 'web'." in found.assessment


def test_backups_of_machines_that_go_elsewhere_lie_there_too():
    p = preflight(folder=ENOUGH)
    other = p.plan.model_copy(update={"name": "db", "target": "c"})
    assert categories(concern, dataclasses.replace(p, elsewhere=((other, machine(name="db")),))) == [CRITICAL]


def test_a_machine_that_this_run_backed_up_already_takes_no_more():
    p = beside(preflight(folder=ENOUGH), machine(name="db"))
    assert categories(concern, dataclasses.replace(p, backed_up=frozenset({"db"}))) == []


def test_a_machine_that_an_earlier_run_moved_away_takes_none():
    gone = machine(name="db", ownership=owned("migrated"))
    assert categories(concern, beside(preflight(folder=ENOUGH), gone)) == []
    kept = machine(name="db", ownership=owned("returned"))
    assert categories(concern, beside(preflight(folder=ENOUGH), kept)) == [CRITICAL]


def test_a_person_may_accept_it():
    waiver = {"waive": [{"id": "backup.space", "reason": "the folder deduplicates"}]}
    found = run.run(preflight(MACHINE, folder=SHORT, plan=waiver))
    assert [(each.id, each.category) for each in found] == [("backup.space", WARNING)]


def test_space_that_nobody_knows_blocks():
    assert is_unknown(ask(concern, preflight(folder=FolderFacts("/b", True, None))))


def test_a_folder_that_cannot_be_written_is_told_elsewhere():
    assert categories(concern, preflight(folder=FolderFacts("/b", False, None))) == []


class TestOnTheWayToAnObjectStore:
    """Each backup leaves the staging folder when it is in the store, so not all of them are there together."""

    THREE = ("web", "db", "app")

    def of(self, after=None, **changes):
        """Three machines with a disk of one GiB each, and one GiB of staging."""
        plans = [{"name": name, "strategy": "cold", "after": (after or {}).get(name, [])} for name in self.THREE]
        whole = wave(plans, **{"backup": {"repository": "s3://store@bucket/drover"}} | changes)
        coming = tuple((plan, machine(name=plan.name)) for plan in whole.machines)
        p = preflight(folder=ENOUGH)
        return dataclasses.replace(p, wave=whole, plan=whole.machines[0], companions=coming)

    def test_all_at_once_do_not_fit(self):
        (found,) = ask(concern, self.of())
        assert found.category is CRITICAL
        assert "The staging folder /b has 1.0 GiB left" in found.assessment
        assert "at the same time take up to 3.0 GiB, that of 'web' alone 1.0 GiB" in found.assessment
        assert "DROVER_STAGING" in found.assessment

    @pytest.mark.parametrize("what", ["host", "storage"])
    def test_one_after_the_other_fits_where_the_limits_say_so(self, what):
        assert categories(concern, self.of(limits={what: 1})) == []
        assert categories(concern, self.of(limits={what: 2})) == [CRITICAL]

    def test_a_limit_of_links_lets_all_be_backed_up_at_once(self):
        assert categories(concern, self.of(limits={"link": 1})) == [CRITICAL]

    def test_or_where_each_comes_after_another(self):
        one_by_one = {"db": ["web"], "app": ["db"]}
        assert categories(concern, self.of(one_by_one)) == []
        assert categories(concern, self.of({"db": ["web"], "app": ["web"]})) == [CRITICAL]
        assert categories(concern, self.of(one_by_one, mode="rehearsal")) == [CRITICAL], "there nobody waits"

    def test_a_folder_keeps_them_all(self):
        assert categories(concern, self.of(limits={"host": 1}, backup={"folder": "/b"})) == [CRITICAL]

    def test_the_largest_one_must_fit(self):
        p = dataclasses.replace(self.of(limits={"host": 1}), backup_folder=SHORT)
        assert categories(concern, p) == [CRITICAL]

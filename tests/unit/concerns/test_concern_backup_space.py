import dataclasses

from factory import CRITICAL, GIB, MACHINE, WARNING, ask, categories, is_unknown, machine, owned, preflight

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

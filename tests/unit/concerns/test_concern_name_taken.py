import pytest
from factory import CRITICAL, ask, categories, machine, owned, preflight

from drover.concerns import name_taken as concern
from drover.model import PowerState


def test_a_free_name_is_no_concern():
    assert categories(concern, preflight(target_machines=(machine(name="other"),))) == []


def test_a_stranger_of_that_name_blocks():
    found = ask(concern, preflight(target_machines=(machine(),)))
    assert [each.category for each in found] == [CRITICAL]
    assert "Drover did not make" in found[0].assessment


def test_our_own_unfinished_try_is_no_concern():
    tried = machine(ownership=owned(), state=PowerState.OFF)
    assert categories(concern, preflight(target_machines=(tried,))) == []


def test_our_own_try_that_someone_started_blocks():
    tried = machine(ownership=owned(), state=PowerState.RUNNING)
    assert categories(concern, preflight(target_machines=(tried,))) == [CRITICAL]


@pytest.mark.parametrize(
    "tag", [owned("kept"), owned("migrated"), owned("committed"), owned(wave="other"), owned(source_uuid="x")]
)
def test_what_another_move_or_a_finished_one_made_blocks(tag):
    assert categories(concern, preflight(target_machines=(machine(ownership=tag),))) == [CRITICAL]

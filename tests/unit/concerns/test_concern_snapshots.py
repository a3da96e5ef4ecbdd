from factory import CRITICAL, WARNING, ask, categories, machine, preflight

from drover.concerns import snapshots as concern


def test_no_snapshot_is_no_concern():
    assert categories(concern, preflight()) == []


def test_snapshots_block_a_live_move_and_warn_of_a_cold_one():
    assert categories(concern, preflight(machine(snapshots=("before",)), live=True)) == [CRITICAL]
    found = ask(concern, preflight(machine(snapshots=("before", "after"))))
    assert [each.category for each in found] == [WARNING]
    assert "before, after" in found[0].assessment

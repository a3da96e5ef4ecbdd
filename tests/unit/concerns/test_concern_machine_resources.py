from factory import WARNING, ask, categories, machine, preflight

from drover.concerns import machine_resources as concern

SHARE = machine(devices=("resources memory limit 512 MB", "resources cpu reservation 500 MHz"))


def test_a_machine_like_any_other_is_no_concern():
    assert categories(concern, preflight()) == []


def test_a_live_move_keeps_it():
    assert categories(concern, preflight(SHARE, live=True)) == []


def test_a_share_of_its_own_is_told_in_one_sentence():
    (found,) = ask(concern, preflight(SHARE))
    assert found.category is WARNING
    assert found.assessment == (
        "Machine 'web' has its own share of its host (cpu reservation 500 MHz, memory limit 512 MB). It stays behind: "
        "at the target it competes with others like any other machine. "
        "Set it again at the target after the move, where somebody counts on it."
    )

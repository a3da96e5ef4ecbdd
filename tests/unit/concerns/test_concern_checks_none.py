from factory import WARNING, ask, categories, preflight

from drover.concerns import checks_none as concern

COMMAND = {"command": {"connection": "ssh_web", "run": ["true"]}}
TCP = {"tcp": {"address": "192.0.2.1", "port": 80}}


def told(**given):
    (found,) = ask(concern, preflight(**given))
    assert found.category is WARNING
    return found.assessment


def test_a_machine_with_a_check_is_no_concern():
    assert categories(concern, preflight()) == []
    assert categories(concern, preflight(plan={"checks": [COMMAND, TCP]})) == []


def test_a_machine_without_one_is_a_warning():
    assert categories(concern, preflight(plan={"checks": []})) == [WARNING]


def test_its_trial_would_then_only_prove_that_it_boots():
    """So does a restore test, which also a live move may ask for."""
    assert "its trial on the network 'isolated' proves only that it boots" in told(plan={"checks": []})
    proven = {"folder": "/backups", "restore_test": "all"}
    assert "its trial on the network 'isolated'" in told(plan={"checks": []}, live=True, backup=proven)


def test_where_no_trial_is_made_none_is_spoken_of():
    networks = {"networks": {"production": "production"}, "storage": {"default": "default"}}
    for given in ({"live": True}, {"mappings": networks}):
        assert "trial" not in told(plan={"checks": []}, **given)
        assert categories(concern, preflight(plan={"checks": [COMMAND]}, **given)) == []


def test_checks_that_cannot_be_asked_in_a_trial_are_told():
    """A command goes through a connection of its own, which leads to the machine where its users are."""
    assert "only checks of the kind 'command'" in told(plan={"checks": [COMMAND]})
    assert "only checks" in told(plan={"checks": [COMMAND]}, live=True, rehearsal={"required": "7 days"})
    assert "only checks" in told(plan={"checks": [COMMAND]}, live=True, mode="rehearsal")

"""The form of `migrate_vm` becomes a wave of one machine, or a list of what is wrong."""

import pytest

from drover.errors import BadInputError
from drover.model import Strategy
from drover_airflow.form import form, wave_of
from drover_airflow.kept import read_wave


def answers(**changed):
    given = {name: param.value for name, param in form().items() if name not in ("machine", "source", "target")}
    return {**given, "machine": "db", "source": "a", "target": "b", "networks": {"production": "production"}, **changed}


def test_the_defaults_of_the_form_are_a_wave():
    plan = wave_of(answers())
    wave = read_wave(plan["wave"])
    assert wave.machines[0].key == plan["machine"] == "db"
    assert wave.machines[0].strategy is Strategy.COLD
    assert wave.mappings.networks == {"production": "production"}


def test_every_answer_reaches_the_wave():
    plan = wave_of(
        answers(
            strategy="live",
            compare_at_switchover=True,
            test_network="isolated",
            bandwidth="400 Mbit/s",
            backup_folder="/backups",
            changing=["/var/log/**"],
            checks=[{"tcp": {"address": "10.0.0.1", "port": 80}}],
        )
    )
    wave = read_wave(plan["wave"])
    assert wave.machines[0].compare_at_switchover
    assert wave.mappings.test_network == "isolated"
    assert wave.bandwidth == 50_000_000
    assert wave.backup.folder == "/backups"
    assert len(wave.machines[0].checks) == 1
    assert wave.machines[0].guest_files.changing == ("/var/log/**",)


def test_an_approval_and_the_room_reach_the_wave():
    plan = wave_of(
        answers(
            approval=True,
            approvers=["alice", "bob"],
            approval_deadline="30 min",
            approval_default="postpone",
            at_once=1,
            at_once_storage=2,
            at_once_link=3,
        )
    )
    wave = read_wave(plan["wave"])
    asks = wave.approval_of(wave.machines[0])
    assert (asks.approvers, asks.deadline, asks.default) == (("alice", "bob"), 1800, "postpone")
    assert (wave.limits.host, wave.limits.storage, wave.limits.link) == (1, 2, 3)


def test_without_the_tick_nobody_is_asked_and_nothing_is_limited():
    wave = read_wave(wave_of(answers())["wave"])
    assert wave.approval is None
    assert (wave.limits.host, wave.limits.storage, wave.limits.link) == (None, None, None)


def test_whoever_is_named_without_the_tick_is_a_mistake():
    """Else the target takes over unasked, and who filled in the form believed that it would wait."""
    with pytest.raises(BadInputError, match="names who is asked before the cutover .alice., but not that anybody is"):
        wave_of(answers(approvers=["alice"]))


@pytest.mark.parametrize("name", ["a/b", "a\nb", ""])
def test_an_impossible_name_is_told(name):
    with pytest.raises(BadInputError, match="name"):
        wave_of(answers(machine=name))


def test_a_quote_or_a_template_in_a_name_stays_a_name():
    plan = wave_of(answers(machine="it's {{ 7 * 7 }}"))
    assert read_wave(plan["wave"]).machines[0].name == "it's {{ 7 * 7 }}"


def test_every_mistake_is_told_at_once():
    with pytest.raises(BadInputError) as caught:
        wave_of(answers(bandwidth="fast", checks=[{"ping": {}}], approval=True, approval_deadline="soon"))
    assert "bandwidth" in str(caught.value)
    assert "checks" in str(caught.value)
    assert "approval.deadline" in str(caught.value)
    assert "'soon'" in str(caught.value)

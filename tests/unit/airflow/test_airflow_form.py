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


@pytest.mark.parametrize("name", ["a/b", "a\nb", ""])
def test_an_impossible_name_is_told(name):
    with pytest.raises(BadInputError, match="name"):
        wave_of(answers(machine=name))


def test_a_quote_or_a_template_in_a_name_stays_a_name():
    plan = wave_of(answers(machine="it's {{ 7 * 7 }}"))
    assert read_wave(plan["wave"]).machines[0].name == "it's {{ 7 * 7 }}"


def test_every_mistake_is_told_at_once():
    with pytest.raises(BadInputError) as caught:
        wave_of(answers(bandwidth="fast", checks=[{"ping": {}}]))
    assert "bandwidth" in str(caught.value)
    assert "checks" in str(caught.value)

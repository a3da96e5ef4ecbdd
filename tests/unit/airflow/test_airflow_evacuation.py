"""The form of `evacuate_host` in the domain's words, and its DAG: one group of tasks for each machine that is found."""

import importlib.util
from pathlib import Path

import pytest

from drover.errors import BadInputError
from drover.model import Strategy
from drover_airflow.evacuation import asked_of, form
from drover_airflow.wave_dag import REPORT

FILE = Path(__file__).parents[3] / "dags" / "evacuate_host.py"


def answers(**changed):
    given = {name: param.value for name, param in form().items() if name not in ("source", "targets")}
    return {**given, "source": "a", "targets": ["b", "c", "b"], "networks": {"lan": "lan"}, **changed}


def test_the_answers_of_the_form_in_the_domains_words():
    given = {"host": "kvm-a", "prefer": "cold", "reason": "slow", "changing": ["/var/log/**"]}
    asked = asked_of(answers(bandwidth="1 Gbit/s", test_network="isolated", **given))
    assert asked.changing == ("/var/log/**",)
    assert (asked.source, asked.host, asked.targets) == ("a", "kvm-a", ("b", "c"))
    assert (asked.prefer, asked.reason) == (Strategy.COLD, "slow")
    assert asked.keys["bandwidth"] == "1 Gbit/s"
    assert asked.keys["limits"] == {"host": 2}
    assert asked.keys["mappings"] == {
        "networks": {"lan": "lan"},
        "storage": {"default": "default"},
        "test_network": "isolated",
    }


def test_nothing_that_is_empty_reaches_the_wave():
    assert asked_of(answers()).host == ""
    keys = asked_of(answers()).keys
    assert set(keys) == {"mappings", "backup", "limits"}
    assert "test_network" not in keys["mappings"]


def test_an_approval_and_all_limits_are_keys_of_the_wave():
    keys = asked_of(answers(approval=True, approvers=["alice"], at_once=4, at_once_link=1)).keys
    assert keys["approval"] == {"approvers": ["alice"], "deadline": "4 h", "default": "roll back"}
    assert keys["limits"] == {"host": 4, "link": 1}
    with pytest.raises(BadInputError, match="but not that anybody is"):
        asked_of(answers(approvers=["alice"]))


def test_each_machine_gets_all_steps_and_the_report_comes_last():
    spec = importlib.util.spec_from_file_location("evacuate_host", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    dag = module.report.dag
    steps = {task_id.rsplit(".")[-1] for task_id in dag.task_ids if task_id.startswith("each.")}
    assert {"inventory", "preflight", "backup", "transfer", "approval", "cutover", "commit", "rollback"} <= steps
    rollback = dag.get_task("each.machine.rollback")
    assert rollback.trigger_rule == "one_failed"
    assert dag.get_task(REPORT).upstream_task_ids == {"each.machine.commit", "each.machine.rollback"}
    assert dag.get_task("each.machine.inventory").upstream_task_ids == {"machines"}

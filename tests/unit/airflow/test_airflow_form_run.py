"""`migrate_vm` and `evacuate_host` from their forms in a real Airflow, with people who answer through its API.

The hosts are made of image files; the DAGs, the operators, the stages and the evidence are the real ones.
"""

import pytest
from real_runs import results


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where all of it happened."""
    return tmp_path_factory.mktemp("forms")


@pytest.fixture(scope="module")
def runs(folder):
    return results("form_runs.py", folder, "migrate_vm.py", "evacuate_host.py")


def answers(done, machine):
    return [facts["answer"] for _, facts in done["records"][machine] if "answer" in facts]


@pytest.mark.slow
def test_the_cutover_waits_for_whom_the_form_names_also_after_a_kill(runs):
    done = runs["asked"]

    # Somebody else may not; what is answered is answered; the yes that was lost with its worker is asked for again.
    assert done["told"] == [[403], [200], [200], [200, 409]]
    assert done["state"] == "success"
    assert done["runs_at"]["db1"] == ["b"]
    assert answers(done, "db1") == ["postpone", "approve"]
    asked = [facts["until"] for _, facts in done["records"]["db1"] if "until" in facts]
    # Again after it was postponed, and not after the kill.
    assert len(asked) == 2
    outcome, facts = done["records"]["db1"][-1]
    assert (outcome, facts["by"]) == ("passed", "alice")


@pytest.mark.slow
def test_a_deadline_that_passed_while_no_scheduler_ran_takes_the_default_afterwards(runs):
    done = runs["nobody"]

    assert done["state"] == "failed"
    assert done["tasks"]["machine.approval -1"] == "failed"
    assert done["tasks"]["machine.rollback -1"] == "success"
    assert done["runs_at"]["db2"] == ["a"]
    assert answers(done, "db2") == ["roll back"]
    assert "Nobody had answered until the deadline" in done["records"]["db2"][-1][1]["message"]


@pytest.mark.slow
def test_a_mistake_in_the_form_changes_nothing_and_is_told(runs, folder):
    done = runs["mistake"]

    assert done["state"] == "failed"
    assert done["tasks"]["plan -1"] == "failed"
    assert done["tasks"]["machine.inventory -1"] == "upstream_failed"
    assert done["tasks"]["machine.rollback -1"] == "skipped"
    assert done["runs_at"]["db3"] == ["a"]
    words = (folder / "log").read_text()
    assert "The form names who is asked before the cutover (alice), but not that anybody is." in words
    assert "The form made no wave, so nothing was moved" in words


@pytest.mark.slow
def test_without_the_tick_nobody_is_asked(runs):
    done = runs["unasked"]

    assert done["state"] == "success"
    assert done["runs_at"]["db3"] == ["b"]
    assert done["records"]["db3"] == []


@pytest.mark.slow
def test_each_machine_of_a_host_has_an_answer_of_its_own(runs):
    done = runs["all"]

    assert done["told"] == [[200], [200]]
    assert done["state"] == "failed"
    assert sorted(map(tuple, done["runs_at"].values())) == [("c",), ("d",)]
    assert sorted(answer for name in done["records"] for answer in answers(done, name)) == ["approve", "roll back"]

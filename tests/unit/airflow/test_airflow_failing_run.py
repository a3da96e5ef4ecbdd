"""Ten machines in three tiers in a real Airflow, and one that fails: both policies, again, and back by hand.

The hosts are made of image files; the DAGs, the operators, the stages and the evidence are the real ones.
"""

import pytest
from real_runs import results
from ten_machines import FAILS, TIERS

from drover_airflow.wave_dag import REPORT

NEEDS_IT = "web2"
MOVED = TIERS.keys() - {FAILS, NEEDS_IT}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where all of it happened."""
    return tmp_path_factory.mktemp("ten")


@pytest.fixture(scope="module")
def runs(folder):
    return results("failing_runs.py", folder, "waves.py", "rollback.py")


def in_reverse(back):
    """Each came back before those that it needs."""
    return all(back.index(name) < back.index(before) for name in back for before in TIERS[name] if before in back)


@pytest.mark.slow
def test_with_stay_what_was_moved_stays_and_what_needed_it_does_not_begin(runs, folder):
    done = runs["stay"]

    assert done["state"] == "failed"
    assert {name for name, hosts in done["runs_at"].items() if hosts == ["b"]} == MOVED
    assert [done["runs_at"][name] for name in (FAILS, NEEDS_IT)] == [["a"], ["a"]]
    assert done["tasks"][f"{FAILS}.cutover -1"] == "failed"
    assert done["tasks"][f"{FAILS}.rollback -1"] == "success"
    assert done["tasks"][f"{NEEDS_IT}.inventory -1"] == "upstream_failed"
    assert done["tasks"][f"{REPORT} -1"] == "failed"
    assert done["started"]["a"] == [FAILS]
    assert done["states"] == dict.fromkeys(MOVED, "committed") | {FAILS: "brought back", NEEDS_IT: "not begun"}
    words = (folder / "log").read_text()
    assert "2 of 10 machines were not moved." in words
    assert f"'{FAILS}' does not boot here" in words
    assert f"{NEEDS_IT}: not begun, because it comes after '{FAILS}', which was not moved" in words
    assert "Those that were moved stay at the target, because the wave says so (on_failure: stay)." in words


@pytest.mark.slow
def test_with_take_back_all_come_back_in_reverse_order(runs, folder):
    done = runs["take back"]

    assert done["state"] == "failed"
    assert set(map(tuple, done["runs_at"].values())) == {("c",)}
    back = done["started"]["c"]
    assert back[0] == FAILS
    assert {"db1", "db2", "db3"} <= set(back)
    assert in_reverse(back)
    assert done["tasks"][f"{NEEDS_IT}.inventory -1"] == "upstream_failed"
    assert {done["states"][name] for name in back} == {"brought back"}
    assert done["states"][NEEDS_IT] == "not begun"
    words = (folder / "log").read_text()
    assert "10 of 10 machines were not moved." in words
    assert f"the wave says that all come back when one is not moved: '{FAILS}' was not moved" in words


@pytest.mark.slow
def test_run_anew_the_wave_moves_those_that_were_not(runs, folder):
    done = runs["anew"]

    assert done["state"] == "success"
    assert set(map(tuple, done["runs_at"].values())) == {("b",)}
    assert set(done["started"]["b"]) == {FAILS, NEEDS_IT}
    assert {done["tasks"][f"{name}.{task} -1"] for name in MOVED for task in ("inventory", "commit")} == {"skipped"}
    assert {done["tasks"][f"{name}.commit -1"] for name in (FAILS, NEEDS_IT)} == {"success"}
    assert done["states"] == dict.fromkeys(MOVED, "moved earlier") | dict.fromkeys((FAILS, NEEDS_IT), "committed")
    assert (
        f"db1: was moved to b in run {runs['stay']['run']} of this wave, and was left alone."
        in (folder / "log").read_text()
    )


@pytest.mark.slow
def test_committed_machines_come_back_by_hand_also_after_a_kill(runs):
    done = runs["by hand"]

    assert done["state"] == "success"
    # Those that another run has moved are not this one's.
    assert {name for name, hosts in done["runs_at"].items() if hosts == ["a"]} == MOVED
    assert set(done["started"]["a"]) == MOVED
    assert in_reverse(done["started"]["a"])
    # One try was killed between the two hosts, and the next went on.
    assert done["tries"] == 2
    assert done["states"] == dict.fromkeys(MOVED | {FAILS}, "brought back") | {NEEDS_IT: "not begun"}
    assert {tuple(done["tags"][name]) for name in MOVED} == {("returned", "kept")}


@pytest.mark.slow
def test_taken_back_again_nothing_is_done(runs):
    done = runs["again"]

    assert done["state"] == "success"
    assert done["started"] == {"a": [], "b": []}
    assert {name for name, hosts in done["runs_at"].items() if hosts == ["a"]} == MOVED

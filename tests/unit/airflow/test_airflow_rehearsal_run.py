"""A wave that asks for a rehearsal, and its rehearsal, in a real Airflow over hosts made of image files."""

import pytest
from real_runs import results

STEPS = ("inventory", "preflight", "backup", "rehearse")
RUNNING = {"db": "running", "web": "running"}
# What a rehearsal may ask of a source: to be looked at, and its disks to be read.
LOOKS = {"host", "machines", "find", "read_disks", "release_disks", "power_state"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("night")


@pytest.fixture(scope="module")
def runs(folder):
    return results("rehearsal_runs.py", folder, "waves.py", "rehearsals.py")


def refused(done):
    """By its first task, before anything began."""
    assert done["state"] == "failed"
    assert done["tasks"]["wave--preflight"] == "failed"
    assert {state for task, state in done["tasks"].items() if "." in task} == {"upstream_failed", "skipped"}
    assert done["machines"] == {"a": RUNNING, "b": {}}


@pytest.mark.slow
def test_the_rehearsal_passes_and_leaves_everything_as_it_was(runs, folder):
    done = runs["rehearsal"]
    assert done["state"] == "success", (folder / "log").read_text()
    steps = {f"{name}.{step}" for name in RUNNING for step in STEPS}
    assert done["tasks"] == dict.fromkeys({"wave--preflight", "wave--report", *steps}, "success")
    assert done["machines"] == {"a": RUNNING, "b": {}}
    assert set(done["calls"]["a"]) <= LOOKS
    assert {"define", "isolated_trial", "remove"} <= set(done["calls"]["b"])
    assert "power_on" not in done["calls"]["b"]
    words = (folder / "log").read_text()
    for name in RUNNING:
        assert f"{name}: rehearsed as " in words
    assert "The whole wave will take about" in words


@pytest.mark.slow
def test_the_wave_is_refused_before_it_was_rehearsed_and_after_a_machine_gained_a_disk(runs, folder):
    refused(runs["not rehearsed"])
    refused(runs["another disk"])
    words = (folder / "log").read_text()
    assert "No rehearsal of 'db' has passed" in words
    assert "Nothing of the wave 'night' was begun, because 'web' cannot be moved. 'web': [rehearsal.missing]" in words

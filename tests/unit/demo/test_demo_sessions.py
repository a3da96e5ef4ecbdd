"""What the demo starts it ends: also what left its process group, and what a killed demo left behind."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from drover_lab.demo import sessions
from drover_lab.demo.sessions import Session
from drover_lab.process import ProcessRecord

# A leader whose child leaves the process group, as a task of Airflow does, and ignores being asked to end.
LEADER = """
import os, signal, sys, time
child = os.fork()
if child == 0:
    os.setpgid(0, 0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    open(sys.argv[1], "w").write(str(os.getpid()))
time.sleep(60)
"""


@pytest.fixture
def start(tmp_path):
    made = []

    def begin(name="component"):
        for folder in ("records", "home"):
            (tmp_path / folder).mkdir(exist_ok=True)
        session = Session.start(
            name,
            [sys.executable, "-c", LEADER, str(tmp_path / f"{name}.child")],
            folder=tmp_path / "home",
            records=tmp_path / "records",
            log=tmp_path / "log",
            env=os.environ,
        )
        made.append(session)
        end = time.monotonic() + 20
        while not (tmp_path / f"{name}.child").exists() or not (tmp_path / f"{name}.child").read_text():
            assert time.monotonic() < end
            time.sleep(0.02)
        return session, int((tmp_path / f"{name}.child").read_text())

    yield begin
    sessions.end(made, deadline=2)


def gone(pid):
    return ProcessRecord.of(pid) is None


def test_a_child_outside_the_process_group_is_ended_too(start):
    session, child = start()
    assert os.getpgid(child) != os.getpgid(session.leader.pid)
    sessions.end([session], deadline=1)
    assert gone(session.leader.pid)
    assert gone(child)
    assert not session.record.exists()


def test_a_child_whose_leader_died_is_ended_too(start):
    session, child = start()
    os.kill(session.leader.pid, signal.SIGKILL)
    session.process.wait()
    sessions.end([session], deadline=1)
    assert gone(child)


def test_the_next_demo_finds_what_a_killed_one_left(start, tmp_path):
    session, child = start()
    (left,) = Session.left(tmp_path / "records", tmp_path / "home")
    assert left.leader == session.leader
    assert child in left.members()
    left_again = Session.left(tmp_path / "records", tmp_path / "home")
    # As in a new process, which is not the parent: nothing of it can be waited for there.
    os.kill(session.leader.pid, signal.SIGKILL)
    session.process.wait()
    sessions.end(left_again, deadline=1)
    assert gone(child)
    assert Session.left(tmp_path / "records", tmp_path / "home") == []


def test_a_number_that_is_another_process_by_now_is_left_alone(tmp_path):
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    try:
        (tmp_path / "component.json").write_text(json.dumps({"pid": stranger.pid, "started": 1, "boot": "before"}))
        sessions.end(Session.left(tmp_path, tmp_path / "home"), deadline=1)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()

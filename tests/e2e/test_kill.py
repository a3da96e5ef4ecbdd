"""A task that is killed in the middle of a copy is tried again by Airflow, and goes on where it was."""

import os
import signal
import time

import pytest
from lab_waves import write_wave

from drover.evidence.store import RunStore
from drover_lab.appliance import appliance_environment
from drover_lab.demo import airflow as airflows
from drover_lab.demo import wave as demo_wave

MIB = 1 << 20
# A disk that takes long enough to be killed in the middle of, and of which 5 % is more than what is under way at once.
EXTRA = 512 * MIB
RATE = "25 MiB/s"
SECONDS = 1200


@pytest.fixture(scope="module")
def lab(make_lab):
    made = make_lab("web")
    host = made.hosts[0]
    image = host.folder / "var-lib-libvirt" / "images" / "web-extra.img"
    with image.open("wb") as file:
        for _ in range(EXTRA // MIB):
            file.write(os.urandom(MIB))
    place = f"/var/lib/libvirt/images/{image.name}"
    made.virsh(host.name, "pool-refresh", "default")
    made.virsh(host.name, "destroy", "web")
    made.virsh(host.name, "attach-disk", "web", place, "vdb", "--config", "--driver", "qemu", "--subdriver", "raw")
    made.virsh(host.name, "start", "web")
    made.wait_healthy("web")
    return made


@pytest.mark.slow
@pytest.mark.timeout(2 * SECONDS)
def test_a_killed_copy_resumes(lab, make_home):
    home = make_home(lab)
    write_wave(home, lab, "kill", [{"name": "web", "strategy": "cold"}], bandwidth=RATE)
    extra = demo_wave.connections(lab) | appliance_environment()
    with airflows.started(home, extra, print) as (airflow, _):
        wait_for(lambda: airflow.find_dag("wave_kill"))
        run = airflow.trigger("wave_kill")
        store = RunStore(home.store, "kill", run).machine("web")

        def transfer():
            return next(task for task in airflow.tasks("wave_kill", run) if task["task_id"] == "web.transfer")

        wait_for(lambda: transfer()["state"] == "running")
        killed = transfer()
        wait_for(lambda: copied(store) > EXTRA * 0.6)
        os.kill(killed["pid"], signal.SIGKILL)
        done = copied(store)

        wait_for(lambda: airflow.run_state("wave_kill", run) in ("success", "failed"))
        assert airflow.run_state("wave_kill", run) == "success", [
            (task["task_id"], task["state"]) for task in airflow.tasks("wave_kill", run)
        ]
        assert transfer()["try_number"] == killed["try_number"] + 1

    facts = store.last("transfer", "passed").facts
    # vda was copied whole before; of vdb, all that was copied when the process was killed.
    again = done - facts["bytes_resumed"]
    assert facts["bytes_resumed"] > EXTRA / 2
    assert again < 0.05 * done, f"{again} bytes of {done} were read again"
    assert store.last("validate").outcome == "passed"


def copied(store):
    """Bytes of the second disk that the copy under way has dealt with; all of them are data."""
    progress = store.read_progress()
    journal = store.folder / "journals" / "vdb.journal"
    return progress.done if progress and progress.total == EXTRA and journal.exists() else 0


def wait_for(ready):
    end = time.monotonic() + SECONDS
    while not ready():
        assert time.monotonic() < end
        time.sleep(0.1)

"""The demo from its beginning to its end, as a newcomer runs it, twice: it moves, proves, tells, and leaves nothing.

Of what its connections hold nothing is left either, wherever Airflow and Drover keep anything.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from lab_waves import newest_store
from secrets_search import leaks, plant, secrets_of

from drover_lab import lab as labs
from drover_lab.demo.home import USER, Home
from drover_lab.state import labs_folder

NAME = f"pytest{os.getpid()}-demo"
SECONDS = 3000  # longer than the demo itself waits, which then says why


@pytest.fixture(scope="module")
def home():
    made = Home(NAME)
    yield made
    subprocess.run([sys.executable, "-m", "drover_lab", "down", "--name", NAME], check=False, timeout=300)
    shutil.rmtree(made.folder, ignore_errors=True)


def run_demo():
    command = [str(Path(sys.executable).with_name("drover")), "demo", "--exit", "--name", NAME]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)


@pytest.mark.slow
@pytest.mark.timeout(2 * SECONDS)
@pytest.mark.parametrize("time", ["first", "second"])
def test_the_demo_moves_and_proves_every_machine(home, time):
    # The lab, and what it was given by its first start, is gone after the demo; one that is up already is used.
    secrets = secrets_of(labs.up(NAME)) if time == "second" else {}
    result = run_demo()
    assert result.returncode == 0, result.stdout[-6000:] + result.stderr[-2000:]
    assert re.search(r"outside: (\d+) of \1 findings are good", result.stdout)
    strategies = {"db": "cold", "files": "cold", "web": "live", "archive": "live", "shop": "cold", "mail": "live"}
    for machine, strategy in (strategies | {"mill": "cold", "forge": "live"}).items():
        row = next(line for line in result.stdout.splitlines() if f" {machine} " in line and strategy in line)
        assert " of " in row
    approved = newest_store(home, "demo", "files").last("approval", "passed")
    assert (approved.facts["answer"], approved.facts["by"]) == ("approve", USER)
    assert "files.approval: approved through the API" in result.stdout
    assert "Booted from their backups on the isolated network, and removed: " in result.stdout
    assert "http://127.0.0.1:" in result.stdout
    assert home.keys["password"] in result.stdout

    assert not (labs_folder() / NAME).exists()
    assert list(home.processes.iterdir()) == []
    assert processes_in(home.folder) == []
    if secrets:
        no_secret_is_left(home, secrets)


def no_secret_is_left(home, secrets):
    """Law 7: vCenters', Hyper-V hosts' and KVM hosts' secrets are nowhere; and where one is, the search finds it."""
    whose = " ".join(secrets)
    for part in ("password of vc-a", "password of hv-b", "private_key_file of kvm-a", "trial_jump_key_file of vc-b"):
        assert part in whose
    assert leaks(home, secrets) == []
    for name in ("the password of vc-a", "private_key_file of kvm-a, line 1"):
        planted = plant(home, secrets[name])
        assert [each for each in leaks(home, secrets) if each.startswith(name)] == [
            f"{name} is in {where}" for where in planted
        ]


def processes_in(folder):
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if Path(os.readlink(entry / "cwd")).is_relative_to(folder):
                    found.append(entry.name)
            except OSError:
                continue  # it ended, or is a kernel thread
    return found

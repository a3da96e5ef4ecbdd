"""A real host is emptied from the form: what runs goes on running elsewhere, what is off goes along and stays off."""

import shutil

import pytest

from drover_lab.demo.home import PROJECT

TICKS = "/var/log/tick.journal"


@pytest.fixture(scope="module")
def lab(make_lab):
    return make_lab("web", "files")


@pytest.fixture(scope="module")
def home(lab, make_home):
    return make_home(lab)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_host_is_emptied(lab, home, run_dag, tmp_path):
    lab.virsh("kvm-a", "destroy", "files")
    shutil.copy(PROJECT / "dags" / "evacuate_host.py", tmp_path)
    uptime = lab.health("web")["uptime"]
    answers = {
        "source": "lab_kvm_a",
        "host": "kvm-a",
        "reason": "maintenance",
        "targets": ["lab_kvm_b"],
        "networks": {"production": "production"},
        "backup_folder": str(home.backups),
        "checks": {"web": [{"http": {"url": f"{lab.machines['web'].url}/health", "contains": '"web"'}}]},
        "changing": [TICKS],
    }

    result = run_dag(home, lab, "evacuate_host", tmp_path, answers)

    assert result.returncode == 0, result.stdout[-6000:] + result.stderr[-3000:]
    assert lab.states() == {"kvm-a": {"web": "off", "files": "off"}, "kvm-b": {"web": "running", "files": "off"}}
    assert lab.health("web")["uptime"] > uptime, "it was never off"
    ticks = [number for number, _ in lab.journal("web")]
    assert ticks == list(range(ticks[0], ticks[-1] + 1)), "no tick is missing"

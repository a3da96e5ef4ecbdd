"""Whatever happens to the target's disks after the transfer, validation finds it, and the source runs again."""

import json
import re
from pathlib import Path

import pytest
from lab_waves import newest_store, write_wave
from sabotage import CHUNK, WAYS

from drover_lab.demo.home import Home
from drover_lab.lab import Lab

DAGS = Path(__file__).parent / "dags"


@pytest.fixture(scope="module")
def lab(make_lab):
    return make_lab("files")


@pytest.fixture(scope="module")
def home(lab, make_home):
    return make_home(lab)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("how", WAYS)
def test_a_harmed_target_never_takes_over(how: str, lab: Lab, home: Home, run_dag, tmp_path):
    wave = write_wave(home, lab, "sabotage", [{"name": "files", "strategy": "cold"}])
    note = tmp_path / "note.json"
    variables = {
        "SABOTAGE": how,
        "SABOTAGE_LAB": lab.name,
        "SABOTAGE_WAVE": str(wave),
        "SABOTAGE_NOTE": str(note),
    }
    result = run_dag(home, lab, "wave_sabotage", DAGS, **variables)
    assert note.exists(), f"the saboteur did not get to work:\n{result.stdout[-4000:]}\n{result.stderr[-4000:]}"
    done = json.loads(note.read_text())

    store = newest_store(home, "sabotage", "files")
    failed = store.last("validate")
    assert failed is not None, "the validation left no record"
    assert failed.outcome == "failed"
    assert names(failed.facts["message"], done), failed.facts["message"]
    for never in ("test", "cutover", "commit"):
        assert store.last(never) is None

    back = store.last("rollback")
    assert back is not None, "there was no rollback"
    assert back.outcome == "passed", back.facts
    states = lab.states()
    assert states["kvm-a"]["files"] == "running"
    assert states["kvm-b"].get("files", "not there") in ("not there", "off")
    assert (lab.health("files") or {}).get("status") == "ok"


def names(message: str, done: dict[str, object]) -> bool:
    """Whether a sentence about the harmed disk names bytes in which the harm lies, no wider than a chunk beyond it."""
    begin, length = int(str(done["offset"])), int(str(done["length"]))
    about = [part for part in message.split("Disk ") if re.match(rf"{done['disk']}\b", part)]
    ranges = [(int(low), int(high)) for part in about for low, high in re.findall(r"bytes (\d+) to (\d+)", part)]
    wide = done.get("widest", 2 * CHUNK)
    return any(
        low <= begin and begin + length - 1 <= high and high - low < int(str(wide)) + length for low, high in ranges
    )

"""A launcher that was overtaken by `down` starts nothing, and leaves nothing."""

import subprocess
import sys
from pathlib import Path


def test_a_host_that_was_stopped_before_it_began_is_not_started(tmp_path: Path) -> None:
    record = tmp_path / "lab" / "hosts" / "kvm-a" / "process.json"
    orders = record.with_name("orders.json")
    command = [sys.executable, "-m", "drover_lab.launch", str(record), "no-such-namespace", str(orders)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 1
    assert ended.stderr == "The host was stopped before it began.\n"
    assert not (tmp_path / "lab").exists()

"""What goes while it is looked at, as the disks of a machine that has just moved away do."""

from pathlib import Path
from typing import Any

import pytest
from worlds import DISK, Peer, definition

from drover_lab.hyperv.world import drives
from drover_lab.hyperv.world.paths import local


def test_a_disk_that_goes_while_it_is_looked_at_is_not_there(hv: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    hv.script("define", **definition())
    run = drives.run

    def run_and_lose(command: list[str], **options: Any) -> Any:
        found = run(command, **options)
        Path(command[-1]).unlink()
        return found

    monkeypatch.setattr(drives, "run", run_and_lose)
    found = hv.fails("Get-VHD -Path $p.path", path=DISK)
    assert found["category"] == "ObjectNotFound"
    assert not local(hv.host, DISK).exists()

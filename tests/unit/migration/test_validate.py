"""What validation reads, and what it need not read any more."""

import pytest

from conftest import Site
from drover.errors import CorruptionError


def test_the_guest_s_files_are_not_read_where_the_blocks_differ(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.run_until("validate")
    with open(site.target.known["web"].disks[0].path, "r+b") as image:
        image.write(b"not what was copied")
    read: list[object] = []
    monkeypatch.setattr("drover.guest.files.read_both", lambda *ends: read.append(ends))

    with pytest.raises(CorruptionError, match=r"vda"):
        site.run("validate")

    assert read == [], "a failing machine waits for no appliance"

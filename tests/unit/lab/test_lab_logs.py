"""A lab that failed goes, and what its hosts wrote stays."""

from pathlib import Path

import pytest

from drover_lab import logs, state


def test_logs_and_consoles_are_kept_and_disks_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "ROOT", tmp_path / "state")
    host = tmp_path / "state/labs/mine/hosts/kvm-a"
    for name in ("logs/libvirtd.log", "srv/run/shop.console", "images/shop.raw"):
        (host / name).parent.mkdir(parents=True, exist_ok=True)
        (host / name).write_text(name)
    place = tmp_path / "kept"
    (place / "older").mkdir(parents=True)
    assert logs.keep("mine", place) == place
    found = sorted(str(path.relative_to(place)) for path in place.rglob("*") if path.is_file())
    assert found == ["hosts/kvm-a/logs/libvirtd.log", "hosts/kvm-a/srv/run/shop.console"]
    assert not (place / "older").exists()

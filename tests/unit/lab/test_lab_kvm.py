"""Only a Linux that came up shows that an accelerator works: there are some that run a BIOS and then hang."""

import json

import pytest

from drover_lab import kvm, state


def test_linux_that_comes_up_is_seen() -> None:
    """Emulated, which works everywhere; slower than KVM may be."""
    assert kvm.boots(["-accel", "tcg"], [], deadline=60)


def test_a_processor_that_stands_still_is_none_that_works() -> None:
    """Qemu runs and its machine does not: what a KVM looks like that hangs."""
    assert not kvm.boots(["-accel", "tcg", "-S"], [], deadline=3)


def test_a_qemu_that_ends_at_once_is_none_that_works() -> None:
    assert not kvm.boots(["-accel", "nothing-of-that-name"], [], deadline=3)


def test_without_the_device_nothing_is_tried(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the answer is kept, under a name that no older answer has: those came from a weaker trial."""
    monkeypatch.setattr(state, "CACHE", tmp_path)
    monkeypatch.setattr(kvm, "DEVICE", tmp_path / "kvm")
    said: list[str] = []
    assert not kvm.works(said.append)
    assert said == []
    assert json.loads((tmp_path / "acceleration.json").read_text())["kvm_boots_linux"] is False

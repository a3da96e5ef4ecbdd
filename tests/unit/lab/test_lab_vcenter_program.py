"""Which Go builds the vCenter, and when it is built anew."""

import shutil
from pathlib import Path

import pytest

from drover_lab.vcenter import program


def fake_go(folder: Path, version: str) -> Path:
    path = folder / "go"
    path.write_text(f"#!/bin/sh\necho go version go{version} linux/amd64\n")
    path.chmod(0o755)
    return path


def test_the_machines_go_is_taken_where_it_is_new_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = fake_go(tmp_path, "1.23.4")
    monkeypatch.setattr(shutil, "which", lambda *_, **__: str(found))
    assert program.toolchain() == str(found)


def test_an_old_go_is_passed_over_for_our_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = fake_go(tmp_path, "1.19.8")
    monkeypatch.setattr(shutil, "which", lambda *_, **__: str(found))
    monkeypatch.setattr(program, "PROJECT", tmp_path)
    own = tmp_path / ".drover" / "go" / "go" / "bin"
    own.mkdir(parents=True)
    fake_go(own, "1.27.3")
    assert program.toolchain() == str(own / "go")


def test_a_changed_source_is_another_program_and_a_test_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "SOURCES", tmp_path)
    (tmp_path / "go.mod").write_text("module x\n")
    (tmp_path / "main.go").write_text("package main\n")
    first = program.digest()
    (tmp_path / "main_test.go").write_text("package main\n")
    assert program.digest() == first
    (tmp_path / "main.go").write_text("package main // changed\n")
    assert program.digest() != first

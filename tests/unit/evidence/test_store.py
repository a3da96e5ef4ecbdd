"""The record store: chained, safe against kills, free of secrets."""

import json
import multiprocessing
import os
import signal
import threading
from pathlib import Path

import pytest

from drover.errors import BadInputError, CorruptionError, OperatorNeededError
from drover.evidence.chain import GENESIS
from drover.evidence.files import safe_name, write_atomically
from drover.evidence.store import MachineStore, RunStore
from drover.model import Progress

RUN_ID = "manual__2026-11-23T01:00:00+00:00"


@pytest.fixture
def store(tmp_path: Path) -> MachineStore:
    return RunStore(tmp_path, "demo", RUN_ID).machine("web")


def records_file(store: MachineStore) -> Path:
    return store.folder / "records.jsonl"


def test_records_come_back_in_order_with_what_was_said(store: MachineStore) -> None:
    store.record("backup", "failed", {"error": "host gone"}, started=0.0)
    store.record("backup", "passed", {"bytes": 12, "folder": Path("/backups")})

    first, second = store.records()

    assert (first.sequence, first.attempt, first.outcome, first.previous) == (1, 1, "failed", GENESIS)
    assert (second.sequence, second.attempt, second.outcome) == (2, 2, "passed")
    assert second.facts == {"bytes": 12, "folder": "/backups"}
    assert first.started == "1970-01-01T00:00:00.000+00:00"
    assert first.time.endswith("+00:00")


def test_last_passes_over_info_and_can_ask_for_an_outcome(store: MachineStore) -> None:
    store.record("transfer", "passed", {"n": 1})
    store.record("transfer", "failed", {"n": 2})
    store.record("transfer", "info", {"n": 3})

    assert [record and record.facts["n"] for record in (store.last("transfer"), store.last("transfer", "passed"))] == [
        2,
        1,
    ]
    assert store.last("commit") is None


@pytest.mark.parametrize("cut", [1, 2, 40, 200])
def test_a_torn_last_line_is_passed_over_and_repaired_by_the_next_write(store: MachineStore, cut: int) -> None:
    """A worker killed in the middle of the write leaves half a line."""
    store.record("backup", "passed", {"n": 1})
    store.record("transfer", "passed", {"n": 2})
    whole = records_file(store).read_bytes()
    records_file(store).write_bytes(whole[:-cut])
    lost = cut > 1

    assert [record.step for record in store.records()] == ["backup"] if lost else ["backup", "transfer"]
    store.record("validate", "passed", {"n": 3})

    assert [record.step for record in store.records()] == (["backup"] if lost else ["backup", "transfer"]) + [
        "validate"
    ]
    assert store.records()[-1].repaired == (len(whole.splitlines()[-1]) + 1 - cut if lost else 0)


def test_a_first_line_that_is_torn_is_repaired_too(store: MachineStore) -> None:
    store.path("x")
    records_file(store).write_bytes(b'{"sequence": 1, "st')

    store.record("backup", "passed", {})

    assert [record.sequence for record in store.records()] == [1]


@pytest.mark.parametrize("damage", ["change", "remove", "swap", "rubbish"])
def test_altered_records_are_never_built_upon(store: MachineStore, damage: str) -> None:
    for number in range(3):
        store.record("backup", "passed", {"n": number})
    lines = records_file(store).read_bytes().splitlines(keepends=True)
    lines = {
        "change": [lines[0].replace(b'"n":0', b'"n":9'), *lines[1:]],
        "remove": [lines[0], lines[2]],
        "swap": [lines[0], lines[2], lines[1]],
        "rubbish": [lines[0], b"rubbish\n", lines[2]],
    }[damage]
    records_file(store).write_bytes(b"".join(lines))

    for use in (store.records, lambda: store.record("transfer", "passed", {}), lambda: store.last("backup")):
        with pytest.raises(CorruptionError, match="altered"):
            use()


def test_threads_and_processes_write_one_unbroken_chain(store: MachineStore) -> None:
    def write(name: str) -> None:
        for number in range(5):
            store.record(name, "info", {"n": number})

    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=write, args=(f"process {n}",)) for n in range(2)]
    for process in processes:
        process.start()
    threads = [threading.Thread(target=write, args=(f"thread {n}",)) for n in range(2)]
    for thread in threads:
        thread.start()
    for worker in (*threads, *processes):
        worker.join()

    assert len(store.records()) == 20


def test_a_writer_that_is_killed_leaves_good_records_and_no_lock(store: MachineStore) -> None:
    def write_for_ever() -> None:
        while True:
            store.record("transfer", "info", {"text": "x" * 5000})

    store.record("backup", "passed", {})
    process = multiprocessing.get_context("fork").Process(target=write_for_ever)
    process.start()
    while len(store.records()) < 4:
        assert process.is_alive()
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()

    before = len(store.records())
    store.record("rollback", "passed", {})

    assert len(store.records()) == before + 1


@pytest.mark.parametrize(
    "facts",
    [
        {"password": "x"},
        {"connection": {"extra": [{"privateKey": "x"}]}},
        {"access-token": "x"},
        {"uri": "qemu+ssh://root:hunter2@host/system"},
        {"text": "-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2"},
    ],
)
def test_secrets_are_refused_loudly_and_not_repeated(store: MachineStore, facts: dict[str, object]) -> None:
    with pytest.raises(OperatorNeededError, match="looks like a secret") as caught:
        store.record("inventory", "passed", facts)
    with pytest.raises(OperatorNeededError):
        store.write_json("facts.json", facts)

    assert "hunter2" not in str(caught.value)
    assert store.records() == []


def test_ordinary_facts_are_no_secrets(store: MachineStore) -> None:
    facts = {"passed": 3, "uri": "qemu+ssh://root@host/system", "secure_boot": True, "keys": 2, "password": None}

    assert store.record("inventory", "passed", facts).facts == facts


@pytest.mark.parametrize("name", ["a/b", "../x", "", ".", "..", "a\nb", "a'b", "ü", "x" * 300, RUN_ID, ".run.json"])
def test_any_name_makes_one_safe_folder(tmp_path: Path, name: str) -> None:
    store = RunStore(tmp_path, "demo", name).machine(name)
    store.record("inventory", "passed", {})

    assert store.folder.parent.parent.parent == tmp_path
    assert [machine.name for machine in RunStore.at(store.folder.parent).machines()] == [name]


def test_names_that_look_alike_get_different_folders() -> None:
    names = ["a:b", "a_b", "a+b", safe_name("a:b")]

    assert len({safe_name(name) for name in names}) == len(names)


@pytest.mark.parametrize("part", ["..", "a/b", "", "/etc"])
def test_paths_stay_in_the_machines_folder(store: MachineStore, part: str) -> None:
    with pytest.raises(BadInputError):
        store.path(part, "x")


def test_json_files_come_back_and_a_broken_one_is_told(store: MachineStore) -> None:
    assert store.read_json("plan.json") is None
    store.write_json("plan.json", {"disks": ["vda"]})
    assert store.read_json("plan.json") == {"disks": ["vda"]}

    (store.folder / "plan.json").write_text("{")
    with pytest.raises(CorruptionError):
        store.read_json("plan.json")


def test_a_write_that_fails_leaves_the_old_file_and_no_litter(
    store: MachineStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write_json("plan.json", 1)

    def full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="no space"):
        write_atomically(store.folder / "plan.json", b"2")

    assert json.loads((store.folder / "plan.json").read_text()) == 1
    assert not list(store.folder.glob(".*.tmp"))


def test_progress_is_kept_and_its_last_word_is_never_dropped(store: MachineStore) -> None:
    assert store.read_progress() is None
    for done in range(0, 101, 10):
        store.progress(Progress("vda", done, 100, 5.0))

    assert store.read_progress() == Progress("vda", 100, 100, 5.0)

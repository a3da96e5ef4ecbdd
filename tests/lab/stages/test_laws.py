"""The laws on real hosts, each broken from outside in the middle of a move: the stage refuses, and the source runs.

Laws 1 and 4 are held by every kill of `test_kill_points.py`, law 8 by `kvm/test_libvirt_connection.py`.
"""

import logging
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from lab_moves import MIB, LabMove
from pebble import AWAY, HOME, NAME, Pebble, definition
from stones import Stones

from drover.hypervisors.connection import ConnectionSpec

BEFORE_CUTOVER = ("transfer", "validate", "trial")


def refused(stones: Stones, stage: str, words: str) -> None:
    """The stage fails with these words, and the target was never powered on."""
    outcome = stones.forks.order(stones.wave(), stage)
    assert words in outcome.told, outcome.told
    assert stones.pebble.ran(AWAY) == []


def taken_back(stones: Stones) -> None:
    """Law 5: the source runs again, and its data is whole."""
    stones.run("", "rollback")
    here, there = stones.ended()
    assert (here.state, here.autostart, here.digest) == ("running", True, stones.pebble.digest)
    assert there.state != "running"
    assert not stones.watch.two_ran(stones.pebble, HOME)


def test_law_2_where_somebody_started_the_source_the_target_stays_off(stones: Stones) -> None:
    stones.begin_at("transfer")
    stones.run("", *BEFORE_CUTOVER)
    stones.pebble.lab.virsh(HOME, "start", NAME)
    refused(stones, "cutover", "running at the source, so the target must not run")
    taken_back(stones)


def test_law_2_a_target_that_somebody_started_is_off_before_the_source_runs(stones: Stones) -> None:
    stones.begin_at("transfer")
    stones.run("", *BEFORE_CUTOVER)
    stones.pebble.lab.virsh(AWAY, "start", NAME)
    stones.pebble.wait_up(AWAY)
    taken_back(stones)
    assert stones.ended()[1].tagged == "kept", "what it wrote may be worth something"


@contextmanager
def altered(image: Path, offset: int) -> Iterator[None]:
    def flip() -> None:
        with image.open("r+b") as file:
            file.seek(offset)
            byte = file.read(1)[0]
            file.seek(offset)
            file.write(bytes([byte ^ 1]))

    flip()
    yield
    flip()


def test_law_3_no_cutover_without_a_passed_validation(stones: Stones) -> None:
    stones.begin_at("transfer")
    stones.run("", "transfer")
    image = stones.pebble.seen(AWAY).disks[0]
    with altered(image, 3 * MIB + 17):
        refused(stones, "validate", "Disk vda differs at the target")
    refused(stones, "cutover", "its stage 'validate' has not passed")
    taken_back(stones)


def test_law_3_no_cutover_without_a_whole_backup(stones: Stones) -> None:
    stones.begin_at("transfer")
    stones.run("", *BEFORE_CUTOVER)
    next(stones.backups.rglob("vda.qcow2")).unlink()
    refused(stones, "cutover", "is not whole: ")
    taken_back(stones)


def test_law_4_what_drover_did_not_make_is_not_touched(stones: Stones) -> None:
    stones.begin_at("transfer")
    pebble, lab = stones.pebble, stones.pebble.lab
    image = pebble.images(AWAY) / f"{NAME}.img"
    image.write_bytes(b"precious" * 1000)
    stranger = definition(NAME, "00000000-0000-4000-8000-000000000001", 9)
    (pebble.folder(AWAY) / "tmp/stranger.xml").write_text(stranger)
    lab.virsh(AWAY, "define", "/tmp/stranger.xml")
    before = lab.virsh(AWAY, "dumpxml", NAME)

    refused(stones, "transfer", "that Drover did not make")

    taken_back(stones)
    assert lab.virsh(AWAY, "dumpxml", NAME) == before
    assert image.read_bytes() == b"precious" * 1000


def test_law_5_sources_come_back_in_reverse_order(stones: Stones) -> None:
    """What needs another machine is back before that one, also where its rollback is begun later."""
    stones.begin_at("inventory")
    cobble = Pebble(stones.pebble.lab, "cobble", 2)
    cobble.reset()
    wave = stones.wave()
    (plan,) = wave["machines"]
    plans = [plan, plan | {"name": "cobble", "after": [NAME]}]
    needed, needing = (
        LabMove(stones.pebble.lab, stones.root, wave | {"machines": machines}) for machines in (plans, plans[::-1])
    )
    try:
        for move in (needed, needing):
            move.run("inventory", "backup", "transfer")
        with ThreadPoolExecutor(2) as pool:
            waiting = pool.submit(needed.run, "rollback")
            time.sleep(2.0)  # gives it every chance to go ahead
            assert stones.pebble.seen(HOME).state == "shut off"
            needing.run("rollback")
            waiting.result()
        assert len(cobble.ran(HOME)) == len(stones.pebble.ran(HOME)) == 2
        assert cobble.ran(HOME)[1][0] < stones.pebble.ran(HOME)[1][0]
        stones.ended()
    finally:
        cobble.remove()


def test_law_6_a_missing_digest_is_a_failure(stones: Stones) -> None:
    stones.begin_at("transfer")
    stones.run("", "transfer")
    next(path for path in stones.root.rglob("vda.parquet") if path.parts[-2:] == ("source", "vda.parquet")).unlink()
    refused(stones, "validate", "CorruptionError")
    refused(stones, "cutover", "its stage 'validate' has not passed")
    taken_back(stones)


def test_law_6_a_device_that_nobody_knows_how_to_move_stops_it(stones: Stones) -> None:
    stones.begin_at("inventory")
    pebble, lab = stones.pebble, stones.pebble.lab
    text = lab.virsh(HOME, "dumpxml", "--inactive", NAME)
    strange = text.replace("</devices>", "<vsock model='virtio'><cid auto='no' address='77'/></vsock></devices>")
    (pebble.folder(HOME) / "tmp/strange.xml").write_text(strange)
    lab.virsh(HOME, "define", "/tmp/strange.xml")
    lab.virsh(HOME, f"destroy {NAME}; list")
    stones.run("", "inventory")
    refused(stones, "preflight", "[device.other]")


class WithKeyAsText(LabMove):
    """A move whose connections hold the secret itself, in place of the name of a file with it."""

    def _spec(self, conn_id: str) -> ConnectionSpec:
        spec = super()._spec(conn_id)
        extra = dict(spec.extra)
        return replace(spec, extra=extra | {"private_key": Path(extra.pop("private_key_file")).read_text()})


def test_law_7_secrets_are_nowhere_but_in_their_connection(stones: Stones, caplog: pytest.LogCaptureFixture) -> None:
    stones.begin_at("inventory")
    move = WithKeyAsText(stones.pebble.lab, stones.root, stones.wave())
    key = move._spec("lab_kvm_a").extra["private_key"]
    secrets = [line.encode() for line in key.splitlines() if len(line) > 40]
    assert secrets
    with command_lines() as seen, caplog.at_level(logging.DEBUG):
        facts = [move.run(stage) for stage in ("inventory", "preflight", "backup", "transfer", "rollback")]
    files = [path for path in (*stones.root.rglob("*"), *stones.backups.rglob("*")) if path.is_file()]
    assert any(path.name == "records.jsonl" for path in files)
    assert any(b"qemu-nbd" in line for line in seen), "the look at command lines saw nothing"
    for where, text in (
        *((str(path), path.read_bytes()) for path in files),
        ("logs", caplog.text.encode()),
        ("what a task hands on", repr(facts).encode()),
        *(("a command line", line) for line in seen),
    ):
        assert not [secret for secret in secrets if secret in text], f"the key is in {where}"
    stones.ended()


@contextmanager
def command_lines() -> Iterator[set[bytes]]:
    """Those of every process that was there meanwhile, looked at again and again."""
    seen: set[bytes] = set()
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    seen.add(path.read_bytes())
                except OSError:
                    continue  # it ended
            time.sleep(0.05)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()

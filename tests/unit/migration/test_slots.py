"""No more machines at a host, in a pool or on a link than the wave says, whoever of them is killed."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from conftest import Site
from drover.evidence.files import locked
from drover.migration import claims, intents, slots, transfer
from drover.migration.intents import Intent
from drover.migration.slots import FOLDER, Turn
from drover_airflow.operators.migration import TransferOperator

# Holds what it is given as a moving machine does, until its standard input ends.
HOLDER = """
import sys
from pathlib import Path
from drover.migration import slots

file = slots._hold(Path(sys.argv[1]), ["other", "run-9", "mail"], sys.argv[2:])
print("held", flush=True)
sys.stdin.read()
"""

LOOKER = """
import sys
from pathlib import Path
from drover.migration import slots

slots.full_places(Path(sys.argv[1]), {}, [])
"""


@pytest.fixture
def pair(site: Site) -> Site:
    """The machines `web` and `db` of one wave, both inventoried."""
    site.source.add("db", {"vda": bytes(1024)})
    site.wave["machines"].append({**site.wave["machines"][0], "name": "db"})
    for number in (1, 0):
        site.machine = number
        site.run("inventory")
    return site


@contextmanager
def turn_of(site: Site, number: int, step: str = "transfer") -> Iterator[Turn]:
    site.machine = number
    with site.move() as move, slots.turn(move, step) as turn:
        yield turn


def places(site: Site) -> list[set[str]]:
    folder = site.root / "store" / FOLDER
    return [set(json.loads(path.read_text())["places"]) for path in folder.glob("*.held")]


def test_one_at_a_time_on_each_kind_of_place(pair: Site):
    for kind, words in (("host", "host a/a"), ("storage", "storage a/default"), ("link", "link a to b")):
        pair.wave["limits"] = {kind: 1}
        with turn_of(pair, 0) as first:
            assert first.full == ()
            with turn_of(pair, 1) as second:
                assert second.full[0].startswith(f"{words}: 'web' of wave 'unit'")
        with turn_of(pair, 1) as second:
            assert second.full == ()


def test_two_where_two_may(pair: Site):
    pair.wave["limits"] = {"host": 2, "storage": 2, "link": 2}
    with turn_of(pair, 0) as first, turn_of(pair, 1) as second:
        assert first.full == second.full == ()
        assert len(places(pair)) == 2
    assert places(pair) == []


def test_a_move_takes_both_ends_and_a_backup_the_source_alone(pair: Site):
    here = {"host a/a", "storage a/default"}
    with turn_of(pair, 0):
        assert places(pair) == [here | {"host b/b", "storage b/default", "link a to b"}]
    pair.target.gone = True
    with turn_of(pair, 0, "backup") as turn:
        assert turn.full == ()
        assert places(pair) == [here]


def test_a_wave_without_limits_is_counted_by_others_and_waits_for_nobody(pair: Site):
    with turn_of(pair, 0) as free:
        assert free.full == ()
        pair.wave["limits"] = {"host": 1}
        with turn_of(pair, 1) as limited:
            assert limited.full
        del pair.wave["limits"]
        with turn_of(pair, 1) as other:
            assert other.full == ()


def test_who_is_refused_takes_nothing(pair: Site):
    pair.wave["limits"] = {"storage": 1}
    with turn_of(pair, 0), turn_of(pair, 1):
        assert len(places(pair)) == 1


def test_a_killed_task_gives_its_places_back(pair: Site):
    folder = pair.root / "store" / FOLDER
    pair.wave["limits"] = {"host": 1}
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder / "mail.held"), "host a/a"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout is not None
        folder.mkdir(parents=True, exist_ok=True)
        assert holder.stdout.readline() == "held\n"
        with turn_of(pair, 0) as turn:
            assert turn.full == ("host a/a: 'mail' of wave 'other' (at most 1 at once)",)
    finally:
        holder.kill()
        holder.wait()
        holder.communicate()
    with turn_of(pair, 0) as turn:
        assert turn.full == ()
    assert not (folder / "mail.held").exists()


def test_a_live_move_keeps_its_places_until_it_is_over(pair: Site):
    pair.wave["limits"] = {"link": 1}
    with pair.move() as move:
        claims.claim(move)
    with turn_of(pair, 0) as turn:
        turn.stay()
    with turn_of(pair, 1) as other:
        assert other.full
    with turn_of(pair, 0) as again:
        assert again.full == (), "a retry does not stand in its own way"
    pair.machine = 0
    with pair.move() as move:
        slots.leave(move)
    with turn_of(pair, 1) as other:
        assert other.full == ()


def test_a_live_move_whose_machine_went_back_keeps_nothing(pair: Site):
    """Whatever ended it, its task among the killed: what counts is whether its machine is on its way."""
    pair.wave["limits"] = {"link": 1}
    with pair.move() as move:
        claims.claim(move)
        with slots.turn(move, "transfer") as turn:
            turn.stay()
        claims.release(move)
    with turn_of(pair, 1) as other:
        assert other.full == ()


def test_a_machine_that_is_off_because_of_us_does_not_wait(pair: Site):
    pair.wave["limits"] = {"host": 1}
    pair.machine = 1
    with pair.move() as move:
        intents.declare(move.store, Intent.BEGUN)
    with turn_of(pair, 0), turn_of(pair, 1) as begun:
        assert begun.full == ()


def test_who_only_looks_waits_for_who_takes(pair: Site):
    """Between making a file and locking it, it looks like one that a dead task left."""
    root = pair.root / "store"
    with ExitStack() as taking:
        taking.enter_context(locked(root / FOLDER / ".lock"))
        young = root / FOLDER / "young.held"
        young.touch()
        process = subprocess.Popen([sys.executable, "-c", LOOKER, str(root)])
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        assert young.exists()
    assert process.wait(30) == 0
    assert not young.exists()


def test_names_with_slashes_do_not_leave_the_folder(pair: Site):
    pair.source.change("web", host="../../a b")
    pair.run("inventory")
    with turn_of(pair, 0):
        assert places(pair)[0] >= {"host a/../../a b"}


def test_what_a_retry_finishes_at_once_gives_its_places_back(site: Site) -> None:
    """The first try had deferred; the next one finds the move over."""
    site.wave["machines"][0] |= {"strategy": "live"}
    site.run_until("transfer")
    with site.move() as move, slots.turn(move, "transfer") as turn:
        assert transfer.begin(move)
        turn.stay()
    operator = TransferOperator(task_id="transfer", wave="unit", machine="web")
    with site.move() as move:
        assert slots.full_places(move.root, {"host a/a": 1}, ["another"]) != ()
        with slots.turn(move, "transfer"):
            assert transfer.begin(move)
            assert operator._finished(move)
        assert slots.full_places(move.root, {"host a/a": 1}, ["another"]) == ()

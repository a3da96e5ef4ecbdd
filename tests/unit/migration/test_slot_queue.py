"""Room that a connection gives, whichever wave asks; who waits longest comes first; what is written of the wait."""

import dataclasses
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from conftest import Site
from drover.errors import BadInputError
from drover.hypervisors.connection import ConnectionSpec
from drover.migration import slot_queue, slots
from drover.migration.slots import Turn

ONE = {"host": 1}


@pytest.fixture
def three(site: Site) -> Site:
    """The machines `web`, `db` and `app` of one wave without limits."""
    for name in ("db", "app"):
        site.source.add(name, {"vda": bytes(1024)})
        site.wave["machines"].append({**site.wave["machines"][0], "name": name})
    for number in (2, 1, 0):
        dataclasses.replace(site, machine=number).run("inventory")
    return site


@contextmanager
def turn_of(site: Site, number: int, step: str = "transfer", **extra: Any) -> Iterator[Turn]:
    """:param extra: of the connections, by their ids."""
    with dataclasses.replace(site, machine=number).move() as move:
        move.resolve = {id: ConnectionSpec(id, "libvirt", id, extra=extra.get(id, {})) for id in "ab"}.__getitem__
        with slots.turn(move, step) as turn:
            yield turn


def full(site: Site, number: int, **extra: Any) -> tuple[str, ...]:
    with turn_of(site, number, **extra) as turn:
        return turn.full


@pytest.mark.parametrize("limits", [ONE, '{"host": 1}'])
def test_a_connection_limits_waves_that_have_no_limits(three: Site, limits: Any) -> None:
    with turn_of(three, 0):
        assert full(three, 1, b={"limits": limits}) == ("host b/b: 'web' of wave 'unit' (at most 1 at once)",)
        assert full(three, 2, b={"limits": {"storage": 3}}) == ()


@pytest.mark.parametrize(("wave", "site_s", "waits"), [(1, 5, True), (5, 1, True), (5, 5, False)])
def test_the_smaller_of_the_two_counts(three: Site, wave: int, site_s: int, waits: bool) -> None:
    three.wave["limits"] = {"link": wave}
    with turn_of(three, 0):
        assert bool(full(three, 1, a={"limits": {"link": site_s}})) is waits


@pytest.mark.parametrize("limits", [{"hosts": 1}, {"host": 0}, "host: 1", "[]", "1", 7, {"host": True}])
def test_limits_that_cannot_be_read_begin_nothing(three: Site, limits: Any) -> None:
    with pytest.raises(BadInputError, match="limits of the connection 'a' cannot be read"):
        full(three, 0, a={"limits": limits})


def test_who_waits_longest_comes_first_though_it_needs_more(three: Site) -> None:
    """`db` waits for both ends; a backup of `app` needs the source alone, and would take it again and again."""
    three.wave["limits"] = ONE
    with turn_of(three, 0):
        assert full(three, 1)
    three.machine = 2
    with turn_of(three, 2, "backup") as late:
        assert late.full == ("host a/a: 'db' of wave 'unit', which waits longer (at most 1 at once)",)
    with turn_of(three, 1) as turn:
        assert turn.full == ()
    with turn_of(three, 2, "backup") as turn:
        assert turn.full == ()


def test_room_that_the_first_one_leaves_is_taken(three: Site) -> None:
    three.wave["limits"] = ONE
    with turn_of(three, 0):
        assert full(three, 1)
    three.wave["limits"] = {"host": 2}
    with turn_of(three, 2) as turn:
        assert turn.full == ()


def test_who_is_not_looked_after_any_more_stands_in_nobodys_way(three: Site) -> None:
    """Somebody ended the task while it waited."""
    three.wave["limits"] = ONE
    with turn_of(three, 0):
        assert full(three, 1)
    (path,) = (three.root / "store" / slots.FOLDER).glob("*.waits")
    long_ago = time.time() - slot_queue.STALE_SECONDS - 1
    os.utime(path, (long_ago, long_ago))
    assert full(three, 2) == ()
    # Its trigger, if it looks again, finds it in its old place.
    assert slots.full_places(three.root / "store", {"host a/a": 1}, ["unit", "run-1", "db"]) == ()
    assert [one.who[2] for one in slot_queue.waiting(three.root / "store")] == ["db"]


def test_the_wait_is_in_the_evidence_when_it_ends(three: Site) -> None:
    three.wave["limits"] = ONE
    with turn_of(three, 0):
        assert full(three, 1)
        assert full(three, 1)
    with turn_of(three, 1):
        pass

    with dataclasses.replace(three, machine=1).move() as move:
        (record,) = [each for each in move.store.records() if each.step == "room"]
    assert record.outcome == "info"
    assert record.facts["step"] == "transfer"
    assert record.facts["waited_for"][0] == "host a/a: 'web' of wave 'unit' (at most 1 at once)"
    assert 0 <= record.facts["waited_seconds"] < 60
    assert slot_queue.waiting(three.root / "store") == []


def test_who_waited_for_nothing_has_nothing_written(three: Site) -> None:
    with turn_of(three, 0):
        pass
    with three.move() as move:
        assert [each.step for each in move.store.records()] == ["inventory"] * 2

"""How a pebble is killed at a point, goes on one way or the other, and how it must be found in the end."""

from collections.abc import Iterable
from dataclasses import dataclass

from kill_points import Point
from lab_moves import wait_for
from pebble import AWAY, HOME, Count, Seen
from stones import Stones, before, stages

from drover.migration import claims

# Killed here it is committed, and a rollback takes nothing back.
COMMITTED = {("commit", "record.passed"), ("commit", "claims.release")}
LIVE = ("live", "paused")
SECONDS = 60


@dataclass(frozen=True)
class Case:
    """:param ending: `retry` to the end, or `rollback`. :param helpers: what the stage had started is killed along."""

    point: Point
    ending: str
    helpers: bool

    def __str__(self) -> str:
        return f"{self.point}-then-{self.ending}"


def cases(points: Iterable[Point]) -> list[Case]:
    """Each point with its ending, or both; every second kill takes along what the stage had started."""
    made: list[Case] = []
    for number, point in enumerate(points):
        turn = "rollback" if point.stage == "rollback" or number % 4 < 2 else "retry"
        endings = ("retry", "rollback") if point.ending == "both" else (point.ending or turn,)
        made += [Case(point, ending, (number + other) % 2 == 0) for other, ending in enumerate(endings)]
    return made


def kill(stones: Stones, case: Case) -> None:
    """The stages before it, then the kill."""
    point = case.point
    stones.begin(point)
    if point.stage == "performance":
        stones.pebble.wait_up(AWAY)
    outcome = stones.forks.order(stones.wave(point.wave), point.stage, kill=point, helpers=case.helpers)
    assert outcome.killed, f"{point} was never reached: {outcome.told}"
    stones.hits.append(point)


def go_on(stones: Stones, case: Case) -> None:
    known = stages(case.point.wave)
    stones.run(case.point.wave, *(known[len(before(case.point)) :] if case.ending == "retry" else ("rollback",)))


def kill_and_end(stones: Stones, case: Case) -> None:
    """Law: never two, and the data is whole, also what the target wrote."""
    kill(stones, case)
    wrote = written_there(stones, case.point)
    go_on(stones, case)

    here, there = stones.ended()
    one_ran(stones, here, there)
    if case.ending == "retry" or (case.point.stage, case.point.event) in COMMITTED:
        assert (there.state, there.autostart, there.tagged) == ("running", True, "committed")
        # Law: a wave never deletes a source.
        assert (here.state, here.autostart, here.tagged) == ("shut off", False, "migrated")
        assert there.count.beats >= here.count.beats
    else:
        assert (here.state, here.autostart) == ("running", True)
        assert there.state == "absent" or (there.state, there.autostart, there.tagged) == ("shut off", False, "kept")
    whole(stones, case.point, here, there)
    if wrote is not None:
        assert there.state != "absent", "what the target wrote is gone"
        assert there.count >= wrote
    stones.settle(here, there)


def one_ran(stones: Stones, here: Seen, there: Seen) -> None:
    """Exactly one runs, on the production network, and the two never ran at once; nobody holds the machine."""
    running = [host for host, seen in ((HOME, here), (AWAY, there)) if seen.state == "running"]
    assert len(running) == 1, (here, there)
    assert [seen.networks for seen in (here, there) if seen.state != "absent"] != []
    assert all(seen.networks == ("production",) for seen in (here, there) if seen.state != "absent"), (here, there)
    assert not stones.watch.two_ran(stones.pebble, running[0])
    assert claims.held(stones.root) == []


def whole(stones: Stones, point: Point, here: Seen, there: Seen) -> None:
    """Every byte of every disk, how often each was booted from, and that the one that runs goes on writing."""
    pebble = stones.pebble
    booted_here = len(pebble.ran(HOME))
    # A live move lets it go on at the target without a boot.
    booted_there = stones.boots + (0 if point.wave in LIVE else len(pebble.ran(AWAY)))
    for seen, boots in ((here, booted_here), (there, booted_there)):
        if seen.state == "absent":
            continue
        assert seen.digest == pebble.digest
        if seen.state == "running":
            beats(seen, boots)
        assert seen.count.boots == boots


def beats(seen: Seen, boots: int) -> None:
    """Until it has been booted so often and has written since."""
    wait_for(lambda: seen.count.boots >= boots, SECONDS)
    before = seen.count.beats
    wait_for(lambda: seen.count.beats > before, SECONDS)


def written_there(stones: Stones, point: Point) -> Count | None:
    """What the target has written, where it was let run; where it runs, once it has written something."""
    there = stones.pebble.seen(AWAY)
    if there.state == "running":
        beats(there, stones.boots + (point.wave not in LIVE))
    elif there.state != "shut off" or there.tagged not in ("started", "committed", "kept"):
        return None
    return there.count

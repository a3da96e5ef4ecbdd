"""How long a machine takes, from its bytes, its strategy, the limits, and what earlier moves took."""

import dataclasses

import pytest
from fleet import GIB, machine
from mistaken import HEAD

from drover.model import Strategy
from drover.waves import estimate
from drover.waves.estimate import estimate_machine, load_of
from drover.waves.loader import parse
from drover.waves.schema import Wave
from drover.waves.speeds import BETWEEN, COPY_RATE, FIXED, MIB, READ_RATE, REWRITES, Known, Speeds
from drover.waves.timeline import end

COLD = "  - {name: web, strategy: cold}\n"
PAIR = COLD + "  - {name: db, strategy: cold}\n"
LOAD = load_of(machine("web", 1))


def wave(more: str = "", machines: str = COLD) -> Wave:
    return parse(HEAD.replace("machines:", f"{more}\nmachines:") + machines)


def alone(found: Wave, known: Known | None = None) -> float:
    return estimate_machine(found, found.machines[0], LOAD, *([known] if known else [])).seconds


OPTIONAL = {"baseline", "restore-test", "performance"}


def fixed(strategy: Strategy) -> float:
    steps = [seconds for step, seconds in FIXED[strategy].items() if step not in OPTIONAL]
    return sum(steps) + len(steps) * BETWEEN


def whole(found: Wave) -> float:
    return end(estimate.play(found, estimate.jobs(found, {plan.name: LOAD for plan in found.machines})))


def test_an_estimate_follows_the_bytes_and_the_limit():
    assert LOAD.data == GIB
    # Copied twice, each copy read back, the target read once more.
    assert alone(wave()) == pytest.approx(2 * GIB / COPY_RATE + 3 * GIB / READ_RATE + fixed(Strategy.COLD))
    # All but the backup's own read-back pass the limited link.
    limited = alone(wave("bandwidth: 10 MiB/s"))
    assert limited == pytest.approx(4 * 102.4 + GIB / READ_RATE + fixed(Strategy.COLD))


def test_the_basis_says_what_holds_it_up():
    limited, free = wave("bandwidth: 10 MiB/s"), wave("bandwidth: 100 GB/s")
    assert "10 MiB/s copying (the wave's bandwidth limit" in estimate.basis(limited)
    assert "bandwidth limit" not in estimate.basis(free)
    assert "a cautious default" in estimate.basis(free)
    seen = Known({("a", "b", Strategy.COLD): Speeds(copy=50 * MIB, runs=1)})
    assert "50 MiB/s copying (as measured in earlier runs" in estimate.basis(free, seen)
    both = wave(machines=COLD + "  - {name: x, strategy: cold, target: c}\n")
    assert "for 1 of 2 machines" in estimate.basis(both, seen)


def test_a_comparison_at_the_switch_over_takes_longer():
    live = "  - {name: web, strategy: live, compare_at_switchover: %s}\n"
    compared, not_compared = (alone(wave(machines=live % word)) for word in ("true", "false"))
    assert compared - not_compared == pytest.approx(2 * GIB / READ_RATE)


def test_machines_side_by_side_share_the_link_and_overlap_in_the_rest():
    one, both = whole(wave()), whole(wave(machines=PAIR))
    shared = 2 * GIB / COPY_RATE + 2 * GIB / READ_RATE
    assert both == pytest.approx(one + shared, rel=0.05)
    assert both < 2 * one


def test_a_limit_lets_machines_wait_for_each_other():
    free, limited = whole(wave(machines=PAIR)), whole(wave("limits: {link: 1}", PAIR))
    assert limited > free
    assert whole(wave("limits: {link: 2}", PAIR)) == free
    assert whole(wave("limits: {storage: 1}", PAIR)) >= limited, "a backup takes a place there too"


def test_what_a_wave_asks_for_besides_takes_its_time():
    plain = whole(wave())
    assert whole(wave("performance: {baseline: 10 min}")) - plain > 1200, "before the move and after it"
    booted = wave("mappings: {test_network: isolated}")
    tested = booted.model_copy(update={"backup": booted.backup.model_copy(update={"restore_test": "all"})})
    assert whole(tested) - plain > 2 * GIB / COPY_RATE


def test_what_is_behind_a_machine_is_not_counted_again():
    found = wave()
    todo = estimate.jobs(found, {"web": LOAD}, done={"web": frozenset({"inventory", "preflight", "backup"})})
    assert [step.name for step in todo[0].steps] == ["transfer", "validate", "test", "cutover", "commit"]
    assert estimate.jobs(found, {}) == [], "a machine that is not found is not in the estimate"


def test_a_machine_that_was_moved_before_is_known_better_than_its_pair():
    pair = ("a", "b", Strategy.COLD)
    known = Known({pair: Speeds(fixed={"validate": 100.0})}, {(*pair, "web"): Speeds(fixed={"validate": 1.0})})
    slow = wave(machines="  - {name: db, strategy: cold}\n")
    assert alone(slow, known) - alone(wave(), known) == pytest.approx(99)


def test_what_a_live_machine_writes_is_copied_again():
    """At half of what passes, twice as much passes; the wave's limit makes that sooner so."""
    live = wave(machines="  - {name: web, strategy: live}\n")
    moved = LOAD.data + LOAD.memory

    def longer(writes: float, found: Wave = live) -> float:
        load = dataclasses.replace(LOAD, writes=writes)
        return estimate_machine(found, found.machines[0], load).seconds - alone(found)

    assert longer(0.0) == 0, "a quiet machine takes as long as before"
    assert longer(COPY_RATE / 2) == pytest.approx((2 - REWRITES) * moved / COPY_RATE)
    assert longer(COPY_RATE * 2) == pytest.approx((10 - REWRITES) * moved / COPY_RATE), "and not for ever"
    limited = wave("bandwidth: 10 MiB/s", "  - {name: web, strategy: live}\n")
    assert longer(5.0 * MIB, limited) == pytest.approx((2 - REWRITES) * moved / (10 * MIB))
    assert longer(5.0 * MIB) == 0, "without the limit that is nothing"

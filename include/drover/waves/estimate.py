"""How long a wave will take, from what its disks hold and how fast bytes have been seen to move.

An estimate, not a promise: it says on what it rests. Seconds throughout, bytes a second for rates.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from drover.model import Strategy, VirtualMachine
from drover.waves import limits, timeline
from drover.waves.schema import MachinePlan, Wave
from drover.waves.speeds import BETWEEN, DEFAULTS, FIRST, FIRST_PER_HOST, FIRST_PER_LIVE, MIB, Known, Speeds
from drover.waves.timeline import Job, Span, Step

# A sample of backups is every fifth machine's; which ones, only the run knows.
_SAMPLE = 5
# A copy that hardly catches up is estimated as this many; one that never does is a concern (`live.write_rate`).
_MOST_REWRITES = 10.0


@dataclass(frozen=True, slots=True)
class Load:
    """What of a machine counts for the estimate.

    :param data: bytes that its disks hold.
    :param host: on which it is. :param pools: that hold its disks.
    :param writes: bytes a second that it was seen to write; None where nobody looked.
    """

    data: int
    memory: int
    host: str = ""
    pools: tuple[str, ...] = ()
    writes: float | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """:param seconds: with the link to itself. :param data: bytes that the disks hold. :param basis: in words."""

    seconds: float
    data: int
    basis: str


def load_of(machine: VirtualMachine, writes: float | None = None) -> Load:
    pools = sorted({disk.pool for disk in machine.disks if disk.pool})
    return Load(sum(disk.allocated for disk in machine.disks), machine.memory, machine.host, tuple(pools), writes)


def estimate_machine(wave: Wave, plan: MachinePlan, load: Load, known: Known = DEFAULTS) -> Estimate:
    """Every step of one machine that has the link to itself."""
    steps = steps_of(wave, plan, load, known)
    alone = timeline.end(timeline.play([Job(plan.name, (), steps)], limit=wave.bandwidth))
    return Estimate(alone, load.data, basis(wave, known))


def jobs(
    wave: Wave, loads: Mapping[str, Load], known: Known = DEFAULTS, done: Mapping[str, frozenset[str]] | None = None
) -> list[Job]:
    """The machines of the wave with the steps that are still to be done; one without a load is not among them.

    :param loads: by the machine's name. :param done: the steps that each machine has behind it.
    """
    behind = done or {}
    return [
        Job(
            plan.name,
            plan.after,
            tuple(
                step
                for step in steps_of(wave, plan, loads[plan.name], known)
                if step.name not in behind.get(plan.name, ())
            ),
        )
        for plan in wave.machines
        if plan.name in loads
    ]


def play(wave: Wave, todo: Sequence[Job], gate: float = 0.0) -> tuple[Span, ...]:
    """When each step begins and ends, within the wave's limits; sorted by beginning. The wave begins at 0.

    :param gate: before this moment no machine goes down.
    """
    spans = timeline.play(todo, limit=wave.bandwidth, slots=_slots(wave, todo), gate=gate)
    return tuple(sorted(spans, key=lambda span: (span.begins, span.ends)))


def whole(wave: Wave, loads: Mapping[str, Load], known: Known = DEFAULTS, lead: float = 0.0) -> tuple[Span, ...]:
    """As `play`, of a wave that begins with its first task, which looks at all machines before any of them begins.

    :param lead: how long before its window opens it begins.
    """
    begins = first(wave, loads)
    spans = play(wave, jobs(wave, loads, known), max(0.0, lead - begins))
    return tuple(replace(span, begins=span.begins + begins, ends=span.ends + begins) for span in spans)


def first(wave: Wave, loads: Mapping[str, Load]) -> float:
    """What the wave's first task takes: it asks each host once, and looks at each machine whose writes count."""
    ends = {end for plan in wave.machines for end in (wave.source_of(plan), wave.target_of(plan))}
    looked = sum(load.writes is not None for load in loads.values())
    return FIRST + FIRST_PER_HOST * len(ends) + FIRST_PER_LIVE * looked + BETWEEN


def lead(wave: Wave, todo: Sequence[Job]) -> float:
    """How long before its window opens the wave may usefully begin."""
    return timeline.lead(todo, limit=wave.bandwidth, slots=_slots(wave, todo))


def steps_of(wave: Wave, plan: MachinePlan, load: Load, known: Known) -> tuple[Step, ...]:
    """Each step with what it takes."""
    source, target = wave.source_of(plan), wave.target_of(plan)
    speeds = known.of(source, target, plan.strategy, plan.name)
    return tuple(_step(wave, plan, name, load, speeds, f"{source} -> {target}") for name in _names(wave, plan))


def _names(wave: Wave, plan: MachinePlan) -> list[str]:
    """What a machine goes through, in this order. A person's approval takes as long as it takes."""
    measured = wave.performance is not None
    tested = wave.backup.restore_test == "all" or (
        wave.backup.restore_test == "sample" and wave.machines.index(plan) % _SAMPLE == 0
    )
    return [
        "inventory",
        "preflight",
        *(["baseline"] if measured else []),
        "backup",
        *(["restore-test"] if tested else []),
        "transfer",
        "validate",
        "test",
        "cutover",
        *(["performance"] if measured else []),
        "commit",
    ]


def _step(wave: Wave, plan: MachinePlan, name: str, load: Load, speeds: Speeds, link: str) -> Step:
    passes, takes, here = passing(name, plan.strategy, load, speeds, plan.compare_at_switchover, wave.bandwidth)
    fixed = speeds.seconds(plan.strategy, name) + here
    if name in ("baseline", "performance") and wave.performance is not None and name not in speeds.fixed:
        fixed += wave.performance.baseline
    places = limits.places(wave, plan, name, load.host, wave.mappings_of(plan).host or "", load.pools)
    rate = passes / takes if passes > 0 else 1.0
    return Step(name, fixed, passes, rate, link, places)


def passing(
    step: str, strategy: Strategy, load: Load, speeds: Speeds, compared: bool = False, limit: float | None = None
) -> tuple[float, float, float]:
    """Bytes of a step that pass the link, the seconds they take alone, and the seconds of bytes that stay here.

    :param compared: whether a live move's disks are compared while the guest stands still.
    :param limit: bytes a second that a live move may pass.
    """
    data, live = float(load.data), strategy is Strategy.LIVE
    if step == "backup":
        # It lies here: reading it back leaves the link alone.
        return data, data / speeds.copy, data / speeds.read
    if step == "restore-test":
        return 2 * data, data / speeds.copy + data / speeds.read, 0.0
    if step == "transfer" and live:
        moved = (load.data + load.memory) * max(speeds.rewrites, _rewrites(load.writes or 0.0, speeds.live, limit))
        again = 2 * data if compared else 0.0
        return moved + again, moved / speeds.live + again / speeds.read, 0.0
    if step == "transfer":
        return 2 * data, data / speeds.copy + data / speeds.read, 0.0
    if step == "validate" and not live:
        return data, data / speeds.read, 0.0
    return 0.0, 0.0, 0.0


def _rewrites(writes: float, rate: float, limit: float | None) -> float:
    """How much passes for each byte, where what is written meanwhile is copied again, and what is written meanwhile."""
    share = writes / (rate if limit is None else min(rate, limit))
    return 1 / (1 - share) if share < 1 - 1 / _MOST_REWRITES else _MOST_REWRITES


def _slots(wave: Wave, todo: Sequence[Job]) -> dict[str, int]:
    places = {place for job in todo for step in job.steps for place in step.slots}
    return {place: count for place in sorted(places) if (count := limits.most(wave.limits, place)) is not None}


def basis(wave: Wave, known: Known = DEFAULTS) -> str:
    """On what the estimates of this wave rest."""
    all_speeds = [known.of(wave.source_of(p), wave.target_of(p), p.strategy, p.name) for p in wave.machines]
    slowest = min(speeds.copy for speeds in all_speeds)
    limited = wave.bandwidth is not None and wave.bandwidth < slowest
    rate = min(slowest, wave.bandwidth) if wave.bandwidth is not None else slowest
    seen = sum(1 for speeds in all_speeds if speeds.runs)
    if seen == len(all_speeds):
        why = "as measured in earlier runs between these hosts"
    elif seen:
        why = f"as measured in earlier runs for {seen} of {len(all_speeds)} machines, a cautious default for the others"
    else:
        why = "a cautious default, as nothing was moved between these hosts yet"
    if limited:
        why = f"the wave's bandwidth limit; else {why}"
    return f"{rate / MIB:.0f} MiB/s copying ({why}), what the disks hold now, and the wave's order"

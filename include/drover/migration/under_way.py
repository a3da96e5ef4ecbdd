"""How far a run is: what of each machine is done, what is out of it, and how much each has to move."""

from dataclasses import asdict

from drover.evidence.store import RunStore
from drover.migration.move import Move
from drover.waves.estimate import Load
from drover.waves.order import downstream
from drover.waves.schema import Wave

_LOADS = "loads.json"
# What a rollback leaves as it is.
_STAYS = {"inventory", "preflight", "baseline", "backup", "restore-test"}


def done(move: Move) -> dict[str, frozenset[str]]:
    """The steps that each machine of the wave has behind it, by its name."""
    return done_in(move.wave, RunStore(move.root, move.wave.wave, move.run))


def done_in(wave: Wave, run: RunStore) -> dict[str, frozenset[str]]:
    """The same of a run."""
    return {plan.name: _passed(run, plan.name) for plan in wave.machines}


def _passed(store: RunStore, name: str) -> frozenset[str]:
    passed: set[str] = set()
    for record in store.machine(name).records():
        if record.outcome != "passed":
            continue
        if record.step == "rollback":
            passed &= _STAYS
        elif record.step not in _STAYS:
            passed.discard("rollback")
        passed.add(record.step)
    return frozenset(passed)


def left(move: Move, loads: dict[str, Load], behind: dict[str, frozenset[str]]) -> dict[str, Load]:
    """The loads of the machines that are not out of this run: none that went back, and none that needs such a one.

    One that was kept off before anything was done to it counts on: its tasks may be run again; and did it make room,
    the wave would seem to fit and the next one would go down.
    """
    back = {name for name, steps in behind.items() if "rollback" in steps}
    out = back | {plan.name for name in back for plan in downstream(move.wave, name)}
    # The machine whose turn it is may be tried again after it went back.
    return {name: load for name, load in loads.items() if name not in out or name == move.name}


def keep_loads(move: Move, loads: dict[str, Load]) -> None:
    # Names are values and not keys: a key that looks like a secret's is refused, and a machine may be called so.
    move.store.write_json(_LOADS, [{"machine": name, **asdict(load)} for name, load in loads.items()])


def kept_loads(move: Move) -> dict[str, Load] | None:
    """None where nobody has asked yet."""
    found = move.store.read_json(_LOADS)
    if found is None:
        return None
    return {
        value["machine"]: Load(
            value["data"], value["memory"], value["host"], tuple(value["pools"]), value.get("writes")
        )
        for value in found
    }

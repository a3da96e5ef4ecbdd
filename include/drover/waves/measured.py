"""What earlier runs took, read from their evidence: the speeds on which the next estimate rests.

Only an estimate is made of it, so a run whose records cannot be read is passed over and said so in the log.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median

from drover.errors import DroverError
from drover.evidence.chain import Record
from drover.evidence.store import RUN, RunStore
from drover.model import Strategy
from drover.waves.estimate import Load, passing
from drover.waves.speeds import COPY_RATE, FIXED, MIB, READ_RATE, Known, Speeds

# The newest runs tell how it goes now; a store of years is not read through.
RUNS = 20
# A smaller copy tells more of opening disks than of their rate.
_LEAST_BYTES = 256 * MIB

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Moved:
    """One machine that was moved, or is on its way.

    :param data: bytes that its disks held. :param seconds: how long each step took in its last good try.
    """

    source: str
    target: str
    machine: str
    strategy: Strategy
    data: int
    memory: int
    seconds: dict[str, float]
    copy: float | None
    live: float | None
    rewrites: float | None


def read(root: Path, runs: int = RUNS) -> Known:
    """The speeds that the newest runs in this store had, those of the run under way among them."""
    moved = [each for folder in _newest(root, runs) for each in _moves(folder)]
    pairs: dict[tuple[str, str, Strategy], list[Moved]] = {}
    machines: dict[tuple[str, str, Strategy, str], list[Moved]] = {}
    for each in moved:
        pair = (each.source, each.target, each.strategy)
        pairs.setdefault(pair, []).append(each)
        machines.setdefault((*pair, each.machine), []).append(each)
    everyone = {pair: _speeds(found) for pair, found in pairs.items()}
    own = {key: _speeds(found, everyone[key[:3]]) for key, found in machines.items()}
    return Known(everyone, own)


def _newest(root: Path, count: int) -> list[Path]:
    found = sorted(root.glob(f"*/*/{RUN}"), key=lambda path: path.stat().st_mtime, reverse=True)
    return [path.parent for path in found[:count]]


def _moves(folder: Path) -> Iterator[Moved]:
    try:
        stores = RunStore.at(folder).machines()
    except (OSError, ValueError, KeyError) as error:
        log.warning("The run in %s is left out of the estimate: %s.", folder, error)
        return
    for store in stores:
        try:
            found = _moved(store.records())
        except (DroverError, OSError, ValueError, KeyError, TypeError) as error:
            log.warning("Machine '%s' in %s is left out of the estimate: %s", store.name, folder, error)
        else:
            if found is not None:
                yield found


def _moved(records: list[Record]) -> Moved | None:
    """None where the records do not say between which connections, or the machine was neither moved nor rehearsed."""
    passed = {record.step: record for record in records if record.outcome == "passed"}
    inventory, transfer = passed.get("inventory"), passed.get("transfer")
    tried = transfer or passed.get("rehearsal")
    if inventory is None or tried is None or "from" not in inventory.facts or "strategy" not in tried.facts:
        return None
    strategy = Strategy(tried.facts["strategy"])
    live = transfer if strategy is Strategy.LIVE else None
    data, memory = int(inventory.facts["bytes_allocated"]), int(inventory.facts["memory"])
    return Moved(
        source=inventory.facts["from"],
        target=inventory.facts["to"],
        machine=tried.machine,
        strategy=strategy,
        data=data,
        memory=memory,
        seconds=_seconds(passed, strategy),
        copy=_rate(passed[step] for step in ("backup", "transfer") if step in passed and passed[step] is not live),
        live=_rate([live]) if live else None,
        rewrites=live.facts["bytes_written"] / (data + memory) if live and data + memory else None,
    )


def _seconds(passed: dict[str, Record], strategy: Strategy) -> dict[str, float]:
    """How long each step took. What was only rehearsed tells what a rehearsal does as the move does it."""
    found = {step: _took(record) for step, record in passed.items() if step in FIXED[strategy] and _whole(record)}
    if "transfer" not in passed:
        alike = ("validate",) if strategy is Strategy.LIVE else ("transfer", "validate", "test")
        rehearsed: dict[str, float] = passed["rehearsal"].facts["seconds"]
        return found | {step: rehearsed[step] for step in alike}
    if "transfer-begin" in passed:
        found["transfer"] = _time(passed["transfer"].time) - _time(passed["transfer-begin"].started)
    return found


def _whole(record: Record) -> bool:
    """Whether the step did all of its work this time."""
    return not (record.facts.get("reused") or record.facts.get("skipped") or record.facts.get("bytes_resumed"))


def _rate(records: Iterable[Record]) -> float | None:
    whole = [record.facts for record in records if _whole(record) and "seconds" in record.facts]
    seconds = sum(float(facts["seconds"]) for facts in whole)
    read = sum(int(facts["bytes_read"]) for facts in whole)
    return read / seconds if seconds > 0 and read >= _LEAST_BYTES else None


def _speeds(moved: list[Moved], beside: Speeds | None = None) -> Speeds:
    """:param beside: where these do not tell something."""
    beside = beside or Speeds()
    copy = _middle(each.copy for each in moved) or beside.copy
    # A read-back goes one way only; it was never told by itself, so it keeps its relation to a copy.
    speeds = Speeds(
        copy=copy,
        read=copy * READ_RATE / COPY_RATE,
        live=_middle(each.live for each in moved) or beside.live,
        rewrites=_middle(each.rewrites for each in moved) or beside.rewrites,
        runs=len(moved),
    )
    steps = sorted({step for each in moved for step in each.seconds})
    rest = {step: _middle(_rest(each, step, speeds) for each in moved if step in each.seconds) for step in steps}
    fixed = {step: value for step, value in rest.items() if value is not None}
    return Speeds(speeds.copy, speeds.read, speeds.live, speeds.rewrites, {**beside.fixed, **fixed}, speeds.runs)


def _rest(moved: Moved, step: str, speeds: Speeds) -> float:
    """What a step took beside its bytes. Never less than nothing: the middle rate may be slower than this one was."""
    _, link, here = passing(step, moved.strategy, Load(moved.data, moved.memory), speeds)
    return max(0.0, moved.seconds[step] - link - here)


def _middle(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _took(record: Record) -> float:
    return _time(record.time) - _time(record.started)


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()

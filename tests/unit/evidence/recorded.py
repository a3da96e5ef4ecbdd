"""A run with records of two machines."""

from pathlib import Path

from drover.evidence.store import RunStore


def recorded(folder: Path) -> RunStore:
    run = RunStore(folder / "evidence", "demo", "manual__2026-11-23T01:00:00+00:00")
    for name in ("web", "db / 日本"):
        store = run.machine(name)
        for step in ("inventory", "backup", "transfer"):
            store.record(step, "passed", {"machine": name})
        store.write_json("machine.json", {"name": name})
    return run

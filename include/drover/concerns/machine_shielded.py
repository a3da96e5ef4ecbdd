"""The machine is shielded, or has a key protector of its host."""

from collections.abc import Iterator

from drover.concerns.finding import critical
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "machine.shielded"
WAIVABLE = False
KINDS = frozenset({"key-protector", "shielded"})


def check(p: Preflight) -> Iterator[Concern]:
    for device in p.devices(KINDS):
        yield critical(
            ID,
            "Shielded machine",
            found=f"Machine '{p.plan.name}' is protected by its host ({device}).",
            why="Its bytes are opened by keys that only guarded hosts have, so nothing else could start it.",
            do="Take the protection off at the source while it is off, or leave the machine where it is.",
        )

"""A machine that is off all along, on real hosts: its disk is read once, and arrives whole."""

from lab_moves import RUN
from pebble import AWAY, HOME, NAME
from stones import Stones, stages

from drover.evidence.store import RunStore


def test_a_machine_that_is_off_is_read_once(stones: Stones) -> None:
    stones.begin_at("inventory")
    stones.pebble.lab.virsh(HOME, "destroy", NAME)

    stones.run("", *stages(""))

    record = RunStore(stones.root, "stones", RUN).machine(NAME).last("transfer", "passed")
    assert record is not None
    assert record.facts["read_from"] == "backup"
    here, there = stones.ended()
    assert (here.state, there.state) == ("shut off", "shut off")
    assert there.digest == stones.pebble.digest
    assert stones.pebble.ran(AWAY) == []

"""What KVM counts of a running machine, held against what the machine itself counts; and the two stages that ask."""

import pytest
from lab_moves import MIB, RUN
from pebble import HOME, NAME, SECTOR, Count
from stones import Stones, stages

from drover.errors import RetryableError
from drover.evidence.store import RunStore
from drover.hypervisors.libvirt.hypervisor import LibvirtHypervisor
from drover_lab import connections

pytestmark = pytest.mark.lab


def test_kvm_counts_what_the_machine_writes(stones: Stones) -> None:
    stones.begin_at("inventory")
    lab, disk = stones.pebble.lab, stones.pebble.images(HOME) / f"{NAME}.img"
    with LibvirtHypervisor(connections.spec(lab, HOME)) as host:
        before = Count.of(disk).beats
        usage = host.usage(NAME, 8)
        beats = Count.of(disk).beats - before

        lab.virsh(HOME, "suspend", NAME)
        with pytest.raises(RetryableError, match="does not run"):
            host.usage(NAME, 1)
        lab.virsh(HOME, "resume", NAME)

    assert beats > 8, "it wrote too little to tell anything"
    assert usage.seconds >= 8
    told = [usage.cpu, usage.memory, usage.write_rate, usage.writes, usage.read_rate, usage.receive_rate]
    assert None not in told
    # One or the other beat may lie between a look at the disk and a look at the counters.
    assert 0.5 * beats < (usage.writes or 0) * usage.seconds <= beats + 1
    assert usage.write_rate == pytest.approx((usage.writes or 0) * SECTOR)
    assert usage.read_rate == 0
    assert 0 < (usage.cpu or 0) < 2
    # What its QEMU takes up, the emulator's own memory beside the machine's.
    assert 16 * MIB < (usage.memory or 0) < 1024 * MIB
    assert (usage.write_latency is not None) == ((usage.writes or 0) * usage.seconds >= 19.5)


def test_a_machine_is_measured_before_its_move_and_after_it(stones: Stones) -> None:
    stones.begin_at("backup")
    known = stages("performance")

    stones.run("performance", *known[known.index("baseline") : known.index("commit")])

    records = RunStore(stones.root, "stones", RUN).machine(NAME)
    for step in ("baseline", "performance"):
        record = records.last(step, "passed")
        assert record is not None
        assert 0 < record.facts["cpu"] < 2
        assert record.facts["memory"] > 16 * MIB
        assert record.facts["write_rate"] > 0
    assert record.facts["checks"] > 0
    assert record.facts["not_compared"] == []
    stones.run("performance", "rollback")
    stones.ended()

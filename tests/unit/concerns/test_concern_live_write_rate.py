import dataclasses

from factory import CRITICAL, WARNING, ask, categories, disk, is_unknown, machine, preflight

from drover.concerns import live_write_rate as concern
from drover.model import PowerState

MIB = 1 << 20


def limited(writes, *given, live=True, **changes):
    return dataclasses.replace(preflight(*given, live=live, bandwidth="10 MiB/s", **changes), writes=writes)


def test_a_machine_that_writes_less_is_no_concern():
    assert categories(concern, limited(9.9 * MIB)) == []
    assert categories(concern, limited(0.0)) == []


def test_a_machine_that_writes_as_fast_as_the_limit_blocks():
    (found,) = ask(concern, limited(10.0 * MIB))
    assert found.category is CRITICAL
    assert "'web' writes 10.0 MiB a second, and the wave's bandwidth is 10.0 MiB" in found.assessment


def test_the_limit_is_parted_among_its_disks():
    two = machine(disks=(disk(), disk(name="vdb")))
    assert categories(concern, limited(5.0 * MIB, two)) == [WARNING]
    assert categories(concern, limited(4.9 * MIB, two)) == []


def test_a_rate_that_nobody_knows_blocks():
    assert is_unknown(ask(concern, limited(None)))


def test_only_a_live_copy_under_a_limit_can_fall_behind():
    assert categories(concern, limited(None, live=False)) == []
    assert categories(concern, limited(None, takes_along=True)) == [], "its platform knows no limit"
    assert categories(concern, limited(None, machine(state=PowerState.OFF))) == []
    assert categories(concern, preflight(live=True)) == []

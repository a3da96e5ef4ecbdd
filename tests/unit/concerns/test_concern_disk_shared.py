from factory import CRITICAL, MACHINE, ask, categories, disk, machine, preflight

from drover.concerns import disk_shared as concern


def test_a_disk_of_ones_own_is_no_concern():
    other = machine(name="other", disks=(disk(path="/pool/other.qcow2"),))
    assert categories(concern, preflight(source_machines=(MACHINE, other))) == []


def test_a_disk_that_is_marked_as_shared_blocks():
    assert categories(concern, preflight(machine(disks=(disk(shared=True),)))) == [CRITICAL]


def test_a_disk_that_another_machine_has_too_blocks_though_nobody_marked_it():
    found = ask(concern, preflight(source_machines=(MACHINE, machine(name="twin"))))
    assert [each.category for each in found] == [CRITICAL]
    assert "with twin" in found[0].assessment

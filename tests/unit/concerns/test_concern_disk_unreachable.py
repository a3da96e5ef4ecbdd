from dataclasses import replace

from factory import CRITICAL, ask, categories, preflight

from drover.concerns import disk_unreachable as concern
from drover.hypervisors.reach import OutOfReach

SILENT = OutOfReach("hv1 does not answer for files.", "Open its port.")


def test_disks_that_are_reached_are_no_concern():
    assert categories(concern, preflight()) == []


def test_it_is_said_of_either_end_with_what_to_do():
    there = preflight(out_of_reach=SILENT)
    (found,) = ask(concern, there)
    assert found.category is CRITICAL
    assert found.assessment == (
        "hv1 does not answer for files. Disks on kvm-b are backed up, copied and read back over that line. "
        "Open its port."
    )
    here = replace(there, source_facts=replace(there.source_facts, out_of_reach=SILENT))
    assert [one.assessment.split(" ")[8] for one in ask(concern, here)] == ["kvm-a", "kvm-b"]

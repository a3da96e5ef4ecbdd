import pytest
from factory import CRITICAL, ask, categories, disk, machine, nic, preflight

from drover.concerns import translation_kept as concern
from drover.model import Cpu, Firmware


def test_a_machine_that_stays_itself_is_no_concern():
    assert categories(concern, preflight()) == []
    there = machine(host="b", disks=(disk(name="sda", pool="x"),), nics=(nic(network="x", model="e1000"),))
    assert categories(concern, preflight(translated=there)) == []


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"name": "web2"}, "name"),
        ({"uuid": "0" * 36}, "UUID"),
        ({"cpu": Cpu(count=1)}, "CPUs"),
        ({"memory": 1}, "memory"),
        ({"firmware": Firmware.UEFI}, "firmware"),
        ({"disks": ()}, "disk sizes"),
        ({"disks": (disk(), disk(size=512))}, "disk sizes"),
        ({"nics": (nic(mac="52:54:00:00:00:99"),)}, "MAC"),
    ],
)
def test_whatever_would_be_lost_blocks(change, word):
    (found,) = ask(concern, preflight(translated=machine(**change)))
    assert found.category is CRITICAL
    assert word in found.assessment

"""Powered on means that a machine boots."""

import pytest
from vcenter_client import Client, TaskFailed

from drover_lab.lab import Lab

pytestmark = pytest.mark.lab


@pytest.mark.parametrize("name", ["shop", "mail"])
def test_a_machine_boots_its_disk_and_answers(vlab: Lab, near: Client, name: str) -> None:
    machine = near.machine(name)
    assert machine.runtime.powerState == "poweredOn"
    assert machine.guest.toolsRunningStatus == "guestToolsRunning"
    health = vlab.health(name)
    assert health is not None
    assert (health["status"], health["name"]) == ("ok", name)


def test_the_guest_shuts_itself_down_and_the_inventory_follows(vlab: Lab, near: Client) -> None:
    machine = near.machine("shop")
    before = vlab.journal("shop")
    machine.ShutdownGuest()
    near.until(lambda: machine.runtime.powerState == "poweredOff")
    near.until(lambda: machine.guest.toolsRunningStatus == "guestToolsNotRunning")
    assert vlab.health("shop") is None
    near.wait(machine.PowerOnVM_Task())
    vlab.wait_healthy("shop")
    assert vlab.journal("shop")[: len(before)] == before


def test_powering_off_ends_it_at_once(vlab: Lab, near: Client) -> None:
    machine = near.machine("shop")
    near.wait(machine.PowerOffVM_Task())
    assert machine.runtime.powerState == "poweredOff"
    assert vlab.health("shop") is None
    with pytest.raises(TaskFailed) as caught:
        near.wait(machine.PowerOffVM_Task())
    assert type(caught.value.fault).__name__ == "vim.fault.InvalidPowerState"
    near.wait(machine.PowerOnVM_Task())
    vlab.wait_healthy("shop")


def test_names_are_unique_in_a_folder_only(near: Client) -> None:
    near.create("twin")
    with pytest.raises(TaskFailed) as caught:
        near.create("twin")
    assert caught.value.fault.name == "twin"
    other = near.datacenter.vmFolder.CreateFolder("other")
    specification = near.specification("twin")
    twin = near.wait(other.CreateVM_Task(config=specification, pool=near.cluster.resourcePool))
    assert twin.name == "twin"
    near.wait(other.Destroy_Task()) if not other.childEntity else near.wait(twin.Destroy_Task())
    near.wait(other.Destroy_Task())

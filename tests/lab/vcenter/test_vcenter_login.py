"""Who may come in, and what a broken line looks like."""

import http.client
import ssl
import time

import pytest
from pyVim.connect import SmartConnect
from pyVmomi import vim
from vcenter_client import MIB, Client

from drover_lab.lab import Lab

pytestmark = pytest.mark.lab


def test_a_wrong_password_is_refused(near: Client) -> None:
    with pytest.raises(vim.fault.InvalidLogin):
        near.login("wrong")


def test_the_certificate_is_the_labs_own(near: Client) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        SmartConnect(host=near.connection["host"], user="nobody", pwd="x", sslContext=ssl.create_default_context())


def test_it_says_what_it_is(near: Client, far: Client) -> None:
    assert near.content.about.apiVersion == "8.0.3.0"
    assert near.content.about.instanceUuid != far.content.about.instanceUuid
    assert near.datacenter.name == "site-a"
    assert [host.name for host in near.cluster.host] == ["esx-a1", "esx-a2"]
    assert {"production", "isolated", "VM Network"} <= {network.name for network in near.datacenter.network}
    sizes = {store.name: store.summary.capacity for store in near.datacenter.datastore}
    assert sizes["small"] == 64 * MIB


def test_files_need_a_login(near: Client) -> None:
    path = near.file("[datastore1] shop/shop.vmdk")
    assert near.request("GET", path, login=False)[0] == 401
    assert near.request("GET", path, login=False, headers={"Cookie": 'vmware_soap_session="guess"'})[0] == 401
    cookie = near.instance._stub.cookie.split(";")[0]
    status, text = near.request("GET", path, login=False, headers={"Cookie": cookie})
    assert status == 200
    assert b"shop-flat.vmdk" in text


def test_ended_sessions_must_log_in_again(vlab: Lab, near: Client) -> None:
    vlab.ask_vcenter("vc-a", "end-sessions")
    with pytest.raises(vim.fault.NotAuthenticated):
        _ = near.machines()


def test_calls_can_be_dropped_before_and_after_they_are_done(vlab: Lab, near: Client) -> None:
    parent = near.datacenter.vmFolder
    vlab.ask_vcenter("vc-a", "faults", faults={"drop_calls": 1})
    with pytest.raises((http.client.HTTPException, OSError)):
        parent.CreateFolder("never")
    vlab.ask_vcenter("vc-a", "faults", faults={"drop_answers": 1})
    with pytest.raises((http.client.HTTPException, OSError)):
        parent.CreateFolder("made")
    folders = {child.name: child for child in parent.childEntity}
    assert "never" not in folders
    near.wait(folders["made"].Destroy_Task())


def test_a_delay_is_kept(vlab: Lab, near: Client) -> None:
    vlab.ask_vcenter("vc-a", "delay", delay=200)
    begun = time.monotonic()
    near.instance.CurrentTime()
    assert time.monotonic() - begun >= 0.2


def test_a_transfer_breaks_where_it_is_told_to_and_then_resumes(vlab: Lab, near: Client) -> None:
    machine = near.create("broken")
    path = near.flat(near.disks(machine)[0].backing.fileName)
    vlab.ask_vcenter("vc-a", "faults", faults={"drop_transfers": 1, "drop_after": MIB})
    with pytest.raises(http.client.IncompleteRead) as caught:
        near.request("GET", path)
    assert len(caught.value.partial) == MIB
    status, rest = near.request("GET", path, headers={"Range": f"bytes={MIB}-"})
    assert status == 206
    assert len(rest) == 7 * MIB

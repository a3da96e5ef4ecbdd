"""Hyper-V in Airflow: the form, the Test button, and what its operators say of a host that tells of one machine."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

sys.path.append(str(Path(__file__).parents[1] / "hyperv"))
from answers import Told  # noqa: E402

from drover.hypervisors import registry  # noqa: E402
from drover.hypervisors.hyperv.hypervisor import HypervHypervisor  # noqa: E402
from drover_airflow.hooks.hyperv import HypervHook  # noqa: E402
from drover_airflow.operators.hyperv import HypervInventoryOperator, HypervPowerOperator  # noqa: E402


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch) -> str:
    values = {"host": "hv-a", "login": "administrator", "password": "secret", "extra": {"transport": "ntlm"}}
    monkeypatch.setenv("AIRFLOW_CONN_HV_TEST", json.dumps({"conn_type": "hyperv", **values}))
    return "hv_test"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Any:
    session: Any = Told()
    session.close = lambda: None
    monkeypatch.setattr("drover.hypervisors.hyperv.hypervisor.Session", lambda spec: session)
    return session


def test_airflow_finds_the_connection_type_with_its_form() -> None:
    from airflow.providers_manager import ProvidersManager
    from airflow.sdk.providers_manager_runtime import ProvidersManagerTaskRuntime

    hook = ProvidersManagerTaskRuntime().hooks["hyperv"]
    assert hook is not None
    assert hook.hook_class_name == "drover_airflow.hooks.hyperv.HypervHook"
    assert hook.connection_testable
    widgets = ProvidersManager().connection_form_widgets
    assert {"extra__hyperv__transport", "extra__hyperv__ca", "extra__hyperv__smb_encrypt"} <= set(widgets)


def test_the_registry_opens_it(connection: str, told: Any) -> None:
    with HypervHook(connection).get_conn() as opened:
        assert isinstance(opened, HypervHypervisor)
    assert "hyperv" in registry.kinds()


def test_the_test_button(connection: str, told: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert HypervHook(connection).test_connection() == (
        True,
        "HV-A answers: hyperv 10.0.20348, 8 CPUs, 1 machines.",
    )
    monkeypatch.undo()
    bad = {"conn_type": "hyperv", "host": "hv-a", "login": "a", "password": "b", "extra": {"transport": "telnet"}}
    monkeypatch.setenv("AIRFLOW_CONN_HV_BAD", json.dumps(bad))
    good, message = HypervHook("hv_bad").test_connection()
    assert not good
    assert message.startswith("The connection 'hv_bad' has the transport 'telnet'.")


def test_the_inventory(connection: str, told: Any) -> None:
    found = HypervInventoryOperator(task_id="look", conn_id=connection).execute({})
    assert [machine["name"] for machine in found["machines"]] == ["web"]
    json.dumps(found)


def test_power_of_a_machine_that_is_not_there_fails_at_once(connection: str, told: Any) -> None:
    switch = HypervPowerOperator(task_id="on", conn_id=connection, machine="'; Stop-Computer #", state="running")
    with pytest.raises(AirflowFailException, match="There is no machine named ''; Stop-Computer #' on hv-a"):
        switch.execute({})
    assert {name for name, _ in told.asked} == {"machines"}

"""Where a connection is looked for: the environment, then whoever else knows connections."""

from importlib import metadata

import pytest

from drover.errors import BadInputError
from drover.hypervisors.connection import ConnectionSpec, resolve


def lab(conn_id: str) -> ConnectionSpec | None:
    return ConnectionSpec(conn_id, "libvirt", "lab") if conn_id == "lab_kvm_a" else None


def nobody(_conn_id: str) -> None:
    return None


@pytest.fixture
def providers(monkeypatch):
    points = [metadata.EntryPoint(name, f"{__name__}:{name}", "drover.connections") for name in ("nobody", "lab")]
    monkeypatch.setattr(metadata, "entry_points", lambda group: points if group == "drover.connections" else [])
    monkeypatch.delenv("AIRFLOW_CONN_LAB_KVM_A", raising=False)
    monkeypatch.delenv("AIRFLOW_CONN_OTHER", raising=False)


def test_a_provider_is_asked_for_what_the_environment_does_not_have(providers):
    assert resolve("lab_kvm_a").host == "lab"


def test_the_environment_goes_first(providers, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_LAB_KVM_A", '{"conn_type": "libvirt", "host": "mine"}')
    assert resolve("lab_kvm_a").host == "mine"


def test_what_nobody_knows_is_told_with_what_to_do(providers):
    with pytest.raises(BadInputError, match="no connection 'other'.*AIRFLOW_CONN_OTHER"):
        resolve("other")


def test_an_environment_that_cannot_be_read_is_not_passed_over_and_not_shown(providers, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_LAB_KVM_A", '{"conn_type": "hunter2')
    with pytest.raises(BadInputError, match="cannot be read") as caught:
        resolve("lab_kvm_a")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ('{"host": "h"}', "conn_type is missing"),
        ("no address", "conn_type is missing"),
        ('{"conn_type": "libvirt"', "it is no JSON"),
        ("libvirt://h/?__extra__=x", "it is no JSON"),
        ("libvirt://u:hunter2@h:99999/", "its port is no number from 1 to 65535"),
        ('{"conn_type": "libvirt", "host": "h", "port": 99999}', "'lab_kvm_a' has the port 99999, .* from 1 to 65535"),
        ('{"conn_type": "libvirt", "host": "h", "port": -1}', "has the port -1"),
        ('{"conn_type": "libvirt", "login": "root"}', "names no host. Put a host into AIRFLOW_CONN_LAB_KVM_A"),
        ("libvirt://u:hunter2@/", "names no host"),
        ('{"conn_type": "libvirt", "host": 5}', "host is no text"),
        ('{"conn_type": ["libvirt"]}', "conn_type is no text"),
        ('{"conn_type": "libvirt", "password": ["hunter2"]}', "password is no text"),
        ('{"conn_type": "libvirt", "extra": "5"}', "extra is no JSON object"),
        ('{"conn_type": "libvirt", "extra": ["hunter2"]}', "extra is no JSON object"),
    ],
)
def test_what_is_wrong_with_an_environment_is_told(providers, monkeypatch, value, why):
    monkeypatch.setenv("AIRFLOW_CONN_LAB_KVM_A", value)
    with pytest.raises(BadInputError, match=why) as caught:
        resolve("lab_kvm_a")
    assert "hunter2" not in str(caught.value)

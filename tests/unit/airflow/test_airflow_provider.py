"""The connection type: what Airflow is told of it fits its schema, and the hook behind it answers plainly."""

import json
import re
from pathlib import Path

import airflow
import jsonschema
import pytest
from airflow.sdk import Connection

from drover.errors import BadInputError, OperatorNeededError
from drover.hypervisors import registry
from drover_airflow.hooks.base import resolve, spec_from_connection
from drover_airflow.hooks.libvirt import LibvirtHook
from drover_airflow.provider_info import get_provider_info


def test_the_provider_info_fits_both_schemas_of_airflow():
    """The runtime schema is what Airflow checks at its start; the other has the form's fields."""
    info = get_provider_info()
    folder = Path(airflow.__file__).parent
    runtime = json.loads((folder / "provider_info.schema.json").read_text())
    jsonschema.validate(info, runtime)
    full = json.loads((folder / "provider.yaml.schema.json").read_text())
    jsonschema.validate(info["connection-types"], full["properties"]["connection-types"])


def test_airflow_finds_the_connection_type_with_its_form():
    from airflow.providers_manager import ProvidersManager
    from airflow.sdk.providers_manager_runtime import ProvidersManagerTaskRuntime

    manager = ProvidersManager()
    hook = ProvidersManagerTaskRuntime().hooks["libvirt"]
    assert hook is not None
    assert hook.hook_class_name == "drover_airflow.hooks.libvirt.LibvirtHook"
    assert hook.connection_id_attribute_name == "conn_id"
    assert hook.connection_testable
    assert "extra__libvirt__known_hosts" in manager.connection_form_widgets
    assert manager.field_behaviours["libvirt"]["hidden_fields"] == ["schema"]


def test_airflow_knows_every_type_that_the_page_tells():
    from airflow.sdk.providers_manager_runtime import ProvidersManagerTaskRuntime

    page = (Path(__file__).parents[3] / "docs/connections.md").read_text()
    told = re.findall(r"^## .*: type `(\w+)`$", page, re.MULTILINE)
    assert set(told) == {"libvirt", "vsphere", "hyperv", "ssh"}
    known = ProvidersManagerTaskRuntime().hooks
    assert [kind for kind in told if known.get(kind) is None] == []


def test_every_field_of_the_form_reaches_the_hypervisor():
    connection = Connection(
        conn_id="kvm",
        conn_type="libvirt",
        host="kvm1",
        login="root",
        port=2222,
        password="secret",
        extra=json.dumps({"private_key": "PEM", "known_hosts": "", "known_hosts_file": None, "verify_host_key": False}),
    )
    spec = spec_from_connection(connection)
    assert (spec.id, spec.kind, spec.host, spec.login, spec.port) == ("kvm", "libvirt", "kvm1", "root", 2222)
    assert spec.password == "secret"
    assert spec.extra == {"private_key": "PEM", "verify_host_key": False}
    assert "secret" not in repr(spec)
    assert "PEM" not in repr(spec)


def test_a_connection_without_a_host_is_refused():
    with pytest.raises(BadInputError, match="'kvm' names no host"):
        spec_from_connection(Connection(conn_id="kvm", conn_type="libvirt"))


def test_a_port_that_there_is_not_is_refused():
    with pytest.raises(BadInputError, match="'kvm' has the port 99999"):
        spec_from_connection(Connection(conn_id="kvm", conn_type="libvirt", host="kvm1", port=99999))


def test_a_missing_connection_is_told_plainly():
    with pytest.raises(BadInputError, match="no Airflow connection 'not_there'"):
        resolve("not_there")


def test_a_connection_from_the_environment(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_KVM_ENV", json.dumps({"conn_type": "libvirt", "host": "kvm1"}))
    assert resolve("kvm_env").host == "kvm1"


def test_the_test_button_says_why_it_failed(monkeypatch):
    """Nothing listens at this address, and its host key is unknown: a sentence, never a traceback."""
    monkeypatch.setenv(
        "AIRFLOW_CONN_KVM_DOWN", json.dumps({"conn_type": "libvirt", "host": "127.0.0.1", "port": 1, "login": "root"})
    )
    good, message = LibvirtHook("kvm_down").test_connection()
    assert not good
    assert "127.0.0.1" in message or "kvm_down" in message
    assert "Traceback" not in message


def test_another_connection_type_is_refused(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_OTHER", json.dumps({"conn_type": "http", "host": "example"}))
    good, message = LibvirtHook("other").test_connection()
    assert not good
    assert "no hypervisor" in message


def test_the_test_button_names_the_host_that_answers(monkeypatch):
    class Host:
        name, hypervisor, version, cpus = "kvm1", "KVM", "9.0.0", 8

    class Answers:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        host = staticmethod(Host)
        machines = staticmethod(lambda: [1, 2])

    monkeypatch.setenv("AIRFLOW_CONN_KVM_UP", json.dumps({"conn_type": "libvirt", "host": "kvm1"}))
    monkeypatch.setattr(registry, "connect", lambda _: Answers())
    assert LibvirtHook("kvm_up").test_connection() == (True, "kvm1 answers: KVM 9.0.0, 8 CPUs, 2 machines.")

    def refuse(_):
        raise OperatorNeededError("The host key changed.", remedy="Look.")

    monkeypatch.setattr(registry, "connect", refuse)
    assert LibvirtHook("kvm_up").test_connection() == (False, "The host key changed. Look.")

"""The command line finds what is kept in Airflow: in its database or a secrets backend, outside of any task."""

import json
import os
import subprocess
import sys

import pytest

from drover_airflow.connections import find

ASK = """
import json, sys
from drover.errors import DroverError
from drover.hypervisors.connection import resolve

def seen(conn_id):
    try:
        spec = resolve(conn_id)
    except DroverError as error:
        return str(error)
    return [spec.kind, spec.host, spec.port, spec.login, spec.password, dict(spec.extra)]

for prepare, conn_ids in json.load(sys.stdin):
    exec(prepare)
    print(json.dumps([seen(conn_id) for conn_id in conn_ids]))
"""

FILL = """
from airflow.models import Connection
from airflow.settings import engine
from sqlalchemy.orm import Session
tables = Connection.metadata.tables
Connection.metadata.create_all(engine, tables=[tables["connection"], tables["team"]])
values = {"host": "kvm1", "login": "root", "password": "hunter2", "port": 2222, "extra": '{"uri_path": "/x", "ca": ""}'}
with Session(engine) as session:
    session.add(Connection(conn_id="kept", conn_type="libvirt", **values))
    session.add(Connection(conn_id="bare", conn_type="libvirt"))
    session.commit()
"""


@pytest.fixture
def asked(tmp_path):
    """What a shell sees in which Airflow has a database, and a file of connections as its secrets backend."""
    file = tmp_path / "connections.json"
    file.write_text(json.dumps({"filed": {"conn_type": "vsphere", "host": "vc1"}}))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    env = kept | {
        "AIRFLOW_HOME": str(tmp_path / "home"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{tmp_path}/airflow.db",
        "AIRFLOW__SECRETS__BACKEND": "airflow.secrets.local_filesystem.LocalFilesystemBackend",
        "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps({"connections_file_path": str(file)}),
    }
    told = json.dumps([["", ["kept", "filed"]], [FILL, ["kept", "bare", "nobody"]]])
    command = (sys.executable, "-c", ASK)
    done = subprocess.run(command, input=told, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]  # nothing else may stand there


def test_a_connection_is_found_wherever_airflow_keeps_it(asked):
    without_table, with_table = asked
    assert without_table[0].startswith("What keeps Airflow's connections cannot be asked for 'kept' (MetastoreBackend:")
    assert without_table[1] == ["vsphere", "vc1", None, None, None, {}]
    kept, bare, nobody = with_table
    assert kept == ["libvirt", "kvm1", 2222, "root", "hunter2", {"uri_path": "/x"}]
    assert bare.startswith("The connection 'bare' names no host.")
    assert nobody.startswith("There is no connection 'nobody'.")
    assert "AIRFLOW_CONN_NOBODY" in nobody


def test_where_airflow_is_not_configured_it_is_left_alone(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("AIRFLOW")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "home"))
    assert find("kept") is None
    assert not (tmp_path / "home").exists()

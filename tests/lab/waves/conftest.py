"""A lab with hosts of all kinds, for all plans here; machines are defined on it, and hardly any runs."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import plants
import pytest
from folder_scope import goes_with_folder

from drover import cli
from drover_lab import lab as labs
from drover_lab.lab import Lab
from drover_lab.topology import HYPERV, VSPHERE

Plan = Callable[[Path], tuple[int, dict[str, Any]]]


@pytest.fixture(scope="session")
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    goes_with_folder(request, __file__)
    name = f"pytest{os.getpid()}-plans"
    try:
        yield labs.up(name, machine_names=(), hypervisors=(VSPHERE, HYPERV))
    finally:
        labs.down(name)


@pytest.fixture(scope="session")
def machines(lab: Lab) -> None:
    plants.plant(lab)


@pytest.fixture
def connected(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Makes a connection known to the command line. :returns: its id."""

    def make(host: str, conn_id: str | None = None, **extra: Any) -> str:
        connection = lab.connection(host)
        connection |= {"id": conn_id or connection["id"], "extra": connection["extra"] | extra}
        monkeypatch.setenv(f"AIRFLOW_CONN_{connection['id'].upper()}", json.dumps(connection))
        return str(connection["id"])

    return make


@pytest.fixture
def plan(lab: Lab, connected: Callable[..., str], capsys: pytest.CaptureFixture[str]) -> Plan:
    """Runs `plan --json` on a wave file."""
    for host in lab.hosts:
        connected(host.name)
    connected("kvm-a", "lab_again", verify_host_key=False)
    connected("vc-a", "lab_vc_trusting", verify_certificate=False)
    connected("hv-a", "lab_hv_open", smb_encrypt=False)
    connected("hv-a", "lab_hv_closed", smb_port=446)

    def run(path: Path) -> tuple[int, dict[str, Any]]:
        code = cli.main(["plan", "--json", str(path)])
        out, err = capsys.readouterr()
        assert not err
        return code, json.loads(out)

    return run


@pytest.fixture
def wave(tmp_path: Path) -> Callable[..., Path]:
    """Writes a wave file."""

    def write(machines: list[dict[str, Any]], **changes: Any) -> Path:
        values: dict[str, Any] = {
            "wave": "odd",
            "source": "lab_kvm_a",
            "target": "lab_kvm_b",
            "mappings": {
                "networks": {"production": "production"},
                "storage": {"default": "default"},
                "test_network": "isolated",
            },
            "backup": {"folder": str(tmp_path)},
            "machines": machines,
        }
        path = tmp_path / "odd.yaml"
        path.write_text(json.dumps(values | changes))  # JSON is YAML
        return path

    return write

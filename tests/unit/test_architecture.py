"""The arrows of the house point one way: dags -> drover_airflow -> drover -> SDKs. Read from the code itself."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Each SDK and the one folder that may import it, at any level of a module.
HOMES = {
    "libvirt": "include/drover/hypervisors/libvirt",
    "paramiko": "include/drover/hypervisors/libvirt",
    "pyVmomi": "include/drover/hypervisors/vsphere",
    "pyVim": "include/drover/hypervisors/vsphere",
    "winrm": "include/drover/hypervisors/hyperv",
    "krb5": "include/drover/hypervisors/hyperv",
    "smbclient": "include/drover/hypervisors/hyperv",
    "smbprotocol": "include/drover/hypervisors/hyperv",
}
# SSH is also how a command is run inside a guest, whatever it runs on: file, module, why.
EXCEPTIONS = {
    ("include/drover/guest/checks.py", "paramiko"): "the application check 'command' runs over SSH to the guest",
}
# What may not be loaded when Airflow parses a DAG file or starts a component.
SLOW = {
    "pandas",
    "great_expectations",
    "pyVmomi",
    "pyVim",
    "libvirt",
    "winrm",
    "krb5",
    "smbclient",
    "smbprotocol",
    "paramiko",
    "nbd",
    "guestfs",
    "pyarrow",
}
# The lab may use any of them: it builds the hosts that the SDKs are used against.
PRODUCT = ["include/drover", "plugins", "dags"]


def modules(*folders: str) -> list[Path]:
    found = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    assert found, folders
    return sorted(found)


def imports(path: Path) -> Iterator[str]:
    """The full name of everything that a module imports, at its top or inside a function."""
    for node in ast.walk(ast.parse(path.read_bytes(), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def offenders(folders: list[str], forbidden: set[str]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules(*folders)
        for name in imports(path)
        if name.split(".")[0] in forbidden
    ]


def test_the_domain_knows_neither_airflow_nor_the_lab() -> None:
    assert offenders(["include/drover"], {"airflow", "drover_airflow", "drover_plugin", "drover_lab"}) == []


def test_airflow_and_the_dags_know_no_lab() -> None:
    assert offenders(["plugins", "dags"], {"drover_lab"}) == []


def test_the_lab_knows_no_airflow_operator() -> None:
    """It may start Airflow and speak to its REST API, as users do."""
    assert offenders(["lab"], {"airflow", "drover_airflow"}) == []


def test_a_sdk_is_used_in_its_hypervisor_only() -> None:
    wrong = []
    for path in modules(*PRODUCT):
        place = path.relative_to(ROOT).as_posix()
        for name in imports(path):
            sdk = name.split(".")[0]
            home = HOMES.get(sdk)
            if home and not place.startswith(f"{home}/") and (place, sdk) not in EXCEPTIONS:
                wrong.append(f"{place} imports {name}")
    assert wrong == []


def test_every_exception_is_still_needed() -> None:
    for place, sdk in EXCEPTIONS:
        assert sdk in {name.split(".")[0] for name in imports(ROOT / place)}, f"{place} no longer imports {sdk}"


def test_hypervisors_do_not_know_each_other() -> None:
    kinds = [path.name for path in (ROOT / "include/drover/hypervisors").iterdir() if (path / "__init__.py").exists()]
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for kind in kinds
        for path in modules(f"include/drover/hypervisors/{kind}")
        for name in imports(path)
        for other in kinds
        if other != kind and name.startswith(f"drover.hypervisors.{other}")
    ]
    assert wrong == []


def test_a_dag_file_is_wiring_only() -> None:
    known = sys.stdlib_module_names | {"airflow", "drover_airflow"}
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules("dags")
        for name in imports(path)
        if name.split(".")[0] not in known
    ]
    assert wrong == []


def test_a_dag_file_reads_like_a_table_of_contents() -> None:
    assert {path.name: count for path in modules("dags") if (count := len(path.read_text().splitlines())) > 80} == {}


def parse_time_modules() -> list[str]:
    """All of drover_airflow and the plugin file: what Airflow's components load."""
    plugins = ROOT / "plugins"
    own = [".".join(path.relative_to(plugins).with_suffix("").parts) for path in modules("plugins")]
    return [name.removesuffix(".__init__") for name in own]


def loaded_by(program: str) -> set[str]:
    code = f"{program}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert result.returncode == 0, result.stderr
    return set(json.loads(result.stdout.splitlines()[-1]))


def test_parsing_a_dag_loads_no_sdk() -> None:
    names = parse_time_modules()
    program = f"import sys; sys.path.insert(0, 'plugins')\nfor name in {names!r}: __import__(name)\n"
    program += "".join(
        f"import runpy; runpy.run_path({str(path)!r})\n" for path in modules("dags") if not path.name.startswith(".")
    )
    loaded = loaded_by(program)
    assert "drover_airflow" in loaded
    assert SLOW & loaded == set()


def test_that_check_would_see_it() -> None:
    assert SLOW & loaded_by("def late(): import pandas\nlate()") == {"pandas", "pyarrow"} & loaded_by("import pandas")


def test_reading_and_ordering_a_wave_loads_no_sdk() -> None:
    assert SLOW & loaded_by("import drover.waves.loader, drover.waves.order, drover.hypervisors.registry") == set()


@pytest.mark.parametrize("folder", ["include", "plugins", "lab", "dags"])
def test_modules_stay_small(folder: str) -> None:
    long = {
        path.relative_to(ROOT).as_posix(): count
        for path in modules(folder)
        if (count := len(path.read_text().splitlines())) > 300
    }
    assert long == {}

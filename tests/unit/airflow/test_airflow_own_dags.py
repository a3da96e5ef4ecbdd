"""The page of the operators for DAGs of one's own: all of them, and an example that is a DAG."""

import re
from importlib import import_module
from pathlib import Path

import pytest
from airflow.sdk import DAG

PAGE = (Path(__file__).parents[3] / "docs/operators.md").read_text()


@pytest.mark.parametrize("kind", ["libvirt", "vsphere", "hyperv"])
def test_the_page_names_every_operator_of_a_hypervisor(kind):
    module = import_module(f"drover_airflow.operators.{kind}")
    own = {name for name, found in vars(module).items() if getattr(found, "__module__", "") == module.__name__}
    told = set(re.findall(r"`(\w+Operator)`", PAGE))
    wanted = {name for name in own if name.endswith("Operator") and not name.startswith("_")}
    assert len(wanted) >= 3
    assert wanted - told == set()
    assert {name for name in told if name.lower().startswith(kind)} == wanted


def test_the_dag_on_the_page_is_one():
    names = {}
    exec(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[0], names)
    dag = names["drop"].dag
    assert isinstance(dag, DAG)
    assert [task.task_id for task in dag.topological_sort()] == ["keep", "off", "on", "drop"]

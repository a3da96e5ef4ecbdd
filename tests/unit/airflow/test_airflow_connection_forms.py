"""What the page, the form in the UI and the code call a connection's fields is the same."""

import json
import re
from pathlib import Path

import pytest

from drover.hypervisors.connection import resolve
from drover_airflow.provider_info import get_provider_info

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/connections.md").read_text()
HYPERVISORS = ROOT / "include/drover/hypervisors"
KINDS = ("libvirt", "vsphere", "hyperv")


def documented(kind):
    section = re.split(r"^## ", PAGE.split(f"type `{kind}`\n")[1], flags=re.MULTILINE)[0]
    table = section.split("| field |")[1].split("\n\n")[0]
    names = [re.findall(r"`(\w+)`", line.split("|")[1]) for line in table.splitlines()[2:]]
    return {name for row in names for name in row}


def documented_for_all():
    return set(re.findall(r"^Each of the three types may have `(\w+)`", PAGE, flags=re.MULTILINE))


def in_the_form(kind):
    return next(set(t["conn-fields"]) for t in get_provider_info()["connection-types"] if t["connection-type"] == kind)


def code(kind):
    """The modules of this kind, with that of the way into test networks where it uses it."""
    text = "\n".join(path.read_text() for path in sorted((HYPERVISORS / kind).glob("*.py")))
    return text + (HYPERVISORS / "jump.py").read_text() if "hypervisors.jump import" in text else text


@pytest.mark.parametrize("kind", KINDS)
def test_the_form_has_what_the_page_tells(kind):
    assert len(documented(kind)) >= 7
    assert documented_for_all() == {"limits"}
    assert in_the_form(kind) == documented(kind) | documented_for_all()


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_tells_what_the_code_reads(kind):
    text = code(kind)
    # The last form is that of hyperv/target.py, which has functions of its own for a field's text and its path.
    forms = (r'\bextra\.get\("(\w+)"', r'\bextra\["(\w+)"\]', r'\b(?:_text|existing)\(spec, "(\w+)"\)')
    assert {name for form in forms for name in re.findall(form, text)} <= documented(kind)
    assert [name for name in documented(kind) if f'"{name}"' not in text] == []


def test_the_examples_can_be_read(monkeypatch):
    kinds = []
    for page in ("README.md", "docs/connections.md"):
        for conn_id, value in re.findall(r"export AIRFLOW_CONN_(\w+)='(.*?)'", (ROOT / page).read_text(), re.DOTALL):
            monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id}", value)
            spec = resolve(conn_id.lower())
            # A guest is reached as a KVM host is.
            fields = documented("libvirt" if spec.kind == "ssh" else spec.kind)
            assert set(json.loads(value)["extra"]) <= fields
            kinds.append(spec.kind)
    assert kinds == ["libvirt", "vsphere", "hyperv"] * 2 + ["ssh"]

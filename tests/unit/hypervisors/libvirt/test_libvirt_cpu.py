"""What a machine asks of a host's CPU, and what libvirt's own comparison says of it."""

import xml.etree.ElementTree as ET
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import libvirt
import pytest

from drover.hypervisors.libvirt import cpu

DOMAIN = "<domain type='qemu'><os><type arch='x86_64' machine='q35'>hvm</type></os>{}</domain>"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", None),
        ("<cpu><topology sockets='1'/></cpu>", None),
        ("<cpu mode='host-passthrough'/>", None),
        ("<cpu mode='host-model'><feature policy='disable' name='mpx'/></cpu>", None),
        ("<cpu mode='custom' match='exact' check='none'><model fallback='forbid'>qemu64</model></cpu>", None),
        ("<cpu mode='custom'><model>EPYC</model></cpu>", ("EPYC", {})),
        (
            "<cpu mode='custom'><model>EPYC</model><feature policy='optional' name='svm'/></cpu>",
            ("EPYC", {"svm": "optional"}),
        ),
        ("<cpu mode='host-model'><feature name='avx512f'/></cpu>", ("pentium", {"avx512f": None})),
    ],
)
def test_what_is_asked_for(text: str, wanted: tuple[str, dict[str, Any]] | None) -> None:
    made = cpu._wanted(ET.fromstring(DOMAIN.format(text)).find("cpu"))
    if wanted is None:
        assert made is None
    else:
        root = ET.fromstring(made or "")
        features = {one.get("name"): one.get("policy") for one in root.findall("feature")}
        assert (root.findtext("model"), features) == wanted


def test_a_host_that_cannot_compare_is_not_known() -> None:
    """libvirt's own test driver has neither comparison."""
    host: Any = SimpleNamespace(libvirt=libvirt.open("test:///default"), errors=nullcontext)
    root = ET.fromstring(DOMAIN.format("<cpu mode='custom'><model>EPYC</model></cpu>"))
    (word,) = cpu.words(host, root)
    assert word.startswith("cpu-not-compared ")
    assert cpu.words(host, ET.fromstring(DOMAIN.format(""))) == ()

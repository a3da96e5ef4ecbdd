"""The look from outside at what a wave's trials may have left."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from drover_lab.demo import proof


@pytest.mark.parametrize(
    ("machines", "file", "said"),
    [
        ({"web": "running"}, "log/web-drover-restored.log", ""),
        ({"web": "running", "web2-drover-restored": "off"}, "images/web2-drover-restored-vda.qcow2", ""),
        ({"web-drover-restored": "off"}, "images/web-vda.qcow2", "there is still web-drover-restored"),
        ({"web-drover-trial": "running"}, "images/web-vda.qcow2", "there is still web-drover-trial"),
        ({}, "images/web-drover-restored-vda.qcow2", "there is still web-drover-restored-vda.qcow2"),
        ({}, "store/web-drover-restored/x.vmdk", ""),
        ({}, "store/web-drover-restored/web-drover-restored-flat.vmdk", "there is still web-drover-restored-flat.vmdk"),
    ],
)
def test_what_was_made_to_try_a_machine_must_be_gone(tmp_path, machines, file, said):
    (tmp_path / "b" / file).parent.mkdir(parents=True)
    (tmp_path / "b" / file).touch()
    (tmp_path / "a").mkdir()
    lab = SimpleNamespace(
        states=lambda: {"b": machines},
        topology=SimpleNamespace(host=lambda name: SimpleNamespace(folder=tmp_path / name)),
    )
    move = proof.Move("web", "a", "b", 0.0, 0.0, Path("/none"), None)

    assert proof._left_nothing(lab, move) == said

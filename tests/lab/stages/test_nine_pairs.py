"""All nine pairs of kinds of hosts: a small machine moves cold, with real bytes, boots there and has all its files.

One machine goes round through all of them, each move from where the one before left it. What a committed move leaves
behind is taken away, as the name is needed there again.
"""

import os
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lab_moves import LabMove

from drover_lab import lab as labs
from drover_lab.demo import proof
from drover_lab.images import cache, listing
from drover_lab.lab import Lab
from drover_lab.topology import HYPERV, LIBVIRT, VSPHERE, kind_of

pytestmark = pytest.mark.lab
# Of its own: it begins where the first move does.
NAME = "shop"
ROUND = ("vc-a", "vc-b", "hv-a", "hv-b", "kvm-a", "kvm-b", "vc-a", "kvm-a", "hv-a", "vc-a")
STORAGE = {LIBVIRT: "default", VSPHERE: "datastore1", HYPERV: "D:"}
STAGES = ("inventory", "preflight", "backup", "transfer", "validate", "trial", "cutover", "commit")
FILES_SECONDS = 60.0


@pytest.fixture(scope="module")
def all_kinds() -> Iterator[Lab]:
    """`DROVER_TEST_KINDS=name` uses that lab, starts it if need be, and keeps it."""
    reused = os.environ.get("DROVER_TEST_KINDS")
    name = reused or f"pytest{os.getpid()}-nine"
    try:
        yield labs.up(name, machine_names=(NAME,), hypervisors=(LIBVIRT, VSPHERE, HYPERV), say=print)
    finally:
        if not reused:
            labs.down(name)


def test_the_round_has_all_nine_pairs() -> None:
    pairs = {(kind_of(source), kind_of(target)) for source, target in zip(ROUND, ROUND[1:], strict=False)}
    assert len(pairs) == 9


def wave(lab: Lab, source: str, target: str, folder: Path) -> dict[str, Any]:
    storage = {name: STORAGE[kind_of(target)] for name in STORAGE.values()}
    return {
        "wave": "nine",
        "source": lab.topology.host(source).connection_id,
        "target": lab.topology.host(target).connection_id,
        "mappings": {"networks": {"production": "production"}, "storage": storage},
        "backup": {"folder": str(folder)},
        "machines": [
            {
                "name": NAME,
                "strategy": "cold",
                "checks": [{"http": {"url": f"{lab.machines[NAME].url}/health", "contains": f'"{NAME}"'}}],
                "waive": [{"id": "translation.disk_controller", "reason": "The guest knows all of them."}],
            }
        ],
    }


@pytest.mark.parametrize(
    ("source", "target"),
    [pytest.param(*pair, id=f"{pair[0]}-{pair[1]}") for pair in zip(ROUND, ROUND[1:], strict=False)],
)
def test_a_machine_moves_cold(
    all_kinds: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, target: str
) -> None:
    lab = all_kinds
    monkeypatch.setenv("DROVER_STAGING", str(tmp_path / "staging"))
    here = {host: found[NAME] for host, found in lab.states().items() if NAME in found}
    if here != {source: "running"}:
        lab.place(NAME, source)  # where it begins, and after a move that failed
    before = lab.journal(NAME)
    (tmp_path / "backup").mkdir()

    move = LabMove(lab, tmp_path / "store", wave(lab, source, target, tmp_path / "backup"))
    assert move.run(*STAGES[:5])["compared_with"] == {"blocks": "the source", "files": "the source"}
    move.run(*STAGES[5:])

    states = {host: found[NAME] for host, found in lab.states().items() if NAME in found}
    assert states == {source: "off", target: "running"}
    assert lab.journal(NAME)[: len(before)] == before
    assert files_problem(lab) == ""
    assert list((tmp_path / "staging").glob("**/*.*")) == []
    for host in (source, target):
        if kind_of(host) == HYPERV:
            status = lab.ask_hyperv(host, "status")
            assert (status["shells"], status["unmodelled"]) == ([], [])
    lab.remove(source, NAME)


def files_problem(lab: Lab) -> str:
    """Every file that it was made with, read by the guest itself from where its disks are now."""
    guest = lab.machines[NAME]
    with urllib.request.urlopen(f"{guest.url}/files", timeout=FILES_SECONDS) as answer:
        return proof.files_problem(cache.seeded(guest, lab.topology.state.slot), listing.listed(answer))

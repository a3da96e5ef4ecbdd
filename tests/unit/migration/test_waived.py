"""What a person accepted, and why, is evidence: it stands in the records, and nothing can be altered beside them."""

import json
import tarfile

import pytest

from conftest import Site
from drover.errors import CorruptionError
from drover.evidence.audit import audit
from drover.evidence.bundle import bundle
from drover.migration import preflight, transfer
from drover.model import Category

REASON = "The other one is switched off for good."


@pytest.fixture
def waived(site: Site) -> Site:
    site.target.add("other", {"vda": bytes(1)})
    site.wave["machines"][0]["waive"] = [{"id": "target.mac_clash", "reason": REASON}]
    site.run_until("backup")
    return site


def folder_of(site: Site):
    with site.move() as move:
        return move.store.folder


def packed(site: Site, name: str = "run.tar"):
    with site.move() as move:
        return bundle(move.store.run, site.root / name, site.root / "keys" / "signing.key").path


def records(path):
    with tarfile.open(path) as archive:
        (name,) = (name for name in archive.getnames() if name.endswith("records.jsonl"))
        return [json.loads(line) for line in archive.extractfile(name).read().splitlines()]


def begin(site: Site) -> None:
    """What a transfer does first of all; it asks once more."""
    with site.move() as move:
        transfer._begin(move)


def test_the_bundle_tells_which_and_why(waived: Site):
    made = packed(waived)
    assert audit(made).problems == ()
    passed = [one["facts"] for one in records(made) if (one["step"], one["outcome"]) == ("preflight", "passed")]
    assert [facts["waived"] for facts in passed] == [{"target.mac_clash": REASON}]


def test_the_second_look_is_beside_the_first_and_does_not_replace_it(waived: Site):
    waived.run("backup")
    first = (folder_of(waived) / "concerns.json").read_bytes()
    waived.target.known.clear()
    begin(waived)
    assert (folder_of(waived) / "concerns.json").read_bytes() == first
    again = [one["facts"] for one in records(packed(waived)) if one["facts"].get("again")]
    assert [facts["waived"] for facts in again] == [{}], "there was no clash any more"
    with waived.move() as move:
        shown = preflight.newest(move.store)
    assert Category.CRITICAL not in {concern.category for concern in shown}
    assert "target.mac_clash" not in {concern.id for concern in shown}, "an approver reads what was found last"


@pytest.mark.parametrize("which", ["concerns.json", "concerns-*.json"])
def test_an_altered_list_of_concerns_is_refused(waived: Site, which):
    waived.run("backup")
    waived.target.known.clear()
    begin(waived)
    (file,) = folder_of(waived).glob(which)
    packed(waived, "whole.tar")
    file.write_text(file.read_text() + " ")
    with pytest.raises(CorruptionError, match=rf"'web/{file.name}' was altered"):
        packed(waived, "altered.tar")


def test_a_look_that_was_killed_is_no_alteration(waived: Site):
    """It was being written again when the run ended."""
    with waived.move() as move:
        move.store.record("preflight", "info", {"begins": True})
        move.store.write_json("concerns.json", [])
    packed(waived)

"""What a bundle is made of: all that an auditor needs, and nothing that was altered before it was signed."""

import hashlib
import tarfile
from pathlib import Path

import pytest
from recorded import recorded

from drover.errors import BadInputError, CorruptionError, OperatorNeededError
from drover.evidence.audit import audit
from drover.evidence.bundle import bundle
from drover.evidence.keys import signing_key
from drover.evidence.store import PROOFS, RunStore, wave_as_read


@pytest.fixture
def run(tmp_path: Path) -> RunStore:
    return recorded(tmp_path)


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "signing.key"


@pytest.mark.parametrize("harm", ["altered", "missing"])
def test_a_result_that_a_record_vouches_for_must_be_the_one_that_was_read(
    run: RunStore, tmp_path: Path, key: Path, harm: str
) -> None:
    store = run.machine("web")
    result = store.path("quality", "transfer", "transfer.json")
    result.write_text('{"success": false}')
    store.record("validate", "passed", {PROOFS: {"quality/transfer/transfer.json": "0" * 64}})
    store.record("validate", "info", {"begins": True})
    result.write_text('{"success": true}')
    bundle(run, tmp_path / "begun-anew.tar", key)  # it was being written again when the run ended
    digest = hashlib.sha256(result.read_bytes()).hexdigest()
    store.record("validate", "passed", {PROOFS: {"quality/transfer/transfer.json": digest}})
    assert audit(bundle(run, tmp_path / "whole.tar", key).path).problems == ()

    result.write_text("{}") if harm == "altered" else result.unlink()
    with pytest.raises(CorruptionError, match=f"'web/quality/transfer/transfer.json' (was|is) {harm}"):
        bundle(run, tmp_path / "out.tar", key)
    assert not (tmp_path / "out.tar").exists()


def test_the_wave_as_the_run_read_it_goes_along(run: RunStore, tmp_path: Path, key: Path) -> None:
    kept = wave_as_read(tmp_path / "evidence", run.wave, run.run)
    kept.parent.mkdir(parents=True)
    kept.write_text('{"wave": {}}')
    made = bundle(RunStore.at(run.folder), tmp_path / "out.tar", key).path
    with tarfile.open(made) as archive:
        read = archive.extractfile("files/.wave.json")
        assert read is not None
        assert read.read() == b'{"wave": {}}'
    assert audit(made).problems == ()


def test_a_place_where_nothing_can_be_written_is_told(run: RunStore, tmp_path: Path, key: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(BadInputError, match=r"folder cannot be written: Is a directory"):
        bundle(run, tmp_path / "folder", key)
    with pytest.raises(BadInputError, match="Not a directory|File exists|No such file"):
        bundle(run, key / "out.tar", key)
    for wrong in (tmp_path / "folder", key / "below", Path("/proc/none")):
        with pytest.raises(OperatorNeededError, match=f"signing key {wrong}"):
            signing_key(wrong)
    assert not list((tmp_path / "folder").iterdir())

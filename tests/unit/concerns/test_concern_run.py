"""What is true of all concerns together."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from factory import CRITICAL, INFORMATION, WARNING, machine, preflight

from drover.concerns import catalogue, run
from drover.concerns.finding import UnknownConcern
from drover.model import PowerState, to_json

REASON = "accepted in ticket 4711"


def waived(*ids: str) -> dict[str, object]:
    return {"waive": [{"id": each, "reason": REASON} for each in ids]}


@pytest.mark.parametrize("live", [True, False])
def test_a_machine_that_nothing_is_wrong_with_raises_none(live):
    found = run.run(preflight(live=live, plan={"compare_at_switchover": True} if live else None))
    assert found == []


def test_every_concern_has_an_id_of_its_own_and_a_test_file():
    modules = catalogue.modules()
    assert len({module.ID for module in modules}) == len(modules) >= 30
    names = {module.__name__.rsplit(".", 1)[1] for module in modules}
    tested = {path.stem.removeprefix("test_concern_") for path in Path(__file__).parent.glob("test_concern_*.py")}
    assert tested - {"run", "gather", "cases"} == names


def test_the_worst_comes_first():
    found = run.run(preflight(machine(secure_boot=True, snapshots=("s",)), live=True, plan={"checks": []}))
    order = [concern.category for concern in found]
    assert order == sorted(order, key=[CRITICAL, WARNING, INFORMATION].index)
    assert set(order) == {CRITICAL, WARNING, INFORMATION}


def test_a_machine_that_is_not_there_breaks_no_concern():
    assert [c.id for c in run.run(preflight(None)) if c.category is CRITICAL] == ["machine.unknown"]


def test_a_waiver_makes_a_warning_that_quotes_the_reason():
    p = preflight(machine(secure_boot=True), plan=waived("firmware.secure_boot"))
    (concern,) = run.run(p)
    assert concern.category is WARNING
    assert REASON in concern.assessment


def test_a_waiver_covers_no_other_concern():
    p = preflight(machine(secure_boot=True, devices=("tpm",)), plan=waived("firmware.secure_boot"))
    assert [c.id for c in run.run(p) if c.category is CRITICAL] == ["device.tpm"]


def test_what_nobody_knows_is_never_waived():
    p = preflight(machine(memory=0), plan=waived("host.memory"))
    (concern,) = run.run(p)
    assert isinstance(concern, UnknownConcern)
    assert concern.category is CRITICAL


def test_a_concern_that_breaks_blocks(monkeypatch):
    def check(_p):
        yield from ()
        raise KeyError("boom")

    broken = SimpleNamespace(ID="test.broken", WAIVABLE=True, check=check)
    monkeypatch.setattr(run, "modules", lambda: (broken,))
    (concern,) = run.run(preflight())
    assert concern.category is CRITICAL
    assert concern.id == run.BROKEN
    assert "test.broken" in concern.assessment
    assert "KeyError" in concern.assessment


def test_a_concern_that_cannot_be_waived_stays_though_a_plan_got_past_the_loader():
    p = preflight(machine(state=PowerState.PAUSED))
    (concern,) = run.run(p)
    assert concern.category is CRITICAL
    assert catalogue.waiver_problem(concern.id) is not None


def test_unknown_concerns_are_written_as_json_like_any_other():
    (concern,) = run.run(preflight(machine(memory=0)))
    assert set(to_json(concern)) == {"id", "category", "label", "assessment"}


def test_the_concerns_load_nothing_heavy():
    import subprocess

    heavy = "pandas great_expectations libvirt paramiko nbd guestfs airflow"
    code = f"""
import sys
from drover.concerns import catalogue, gather, run
import drover.waves.loader
catalogue.modules()
print(sorted(set({heavy!r}.split()) & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

import dataclasses
from collections.abc import Sequence
from typing import Any

from factory import CRITICAL, ask, categories, host, machine, preflight

from drover.concerns import gather
from drover.concerns import live_refused as concern
from drover.concerns.preflight import HostFacts, Preflight
from drover.errors import OperatorNeededError
from drover.hypervisors.port import LiveObstacle, TargetSettings
from drover.model import PowerState

NO_SWITCH = LiveObstacle("33012", "Hyper-V says: Could not find Ethernet switch 'a'.", "Make the switch.")


def seen(answer: Sequence[LiveObstacle] | Exception, **changes: Any) -> tuple[Preflight, list[str]]:
    asked = []

    def check(name: str, settings: TargetSettings) -> Sequence[LiveObstacle]:
        asked.append(name)
        if isinstance(answer, Exception):
            raise answer
        return answer

    p = preflight(machine(**changes), live=True)
    facts = {
        "a": HostFacts(host(name="a"), (0, 0), p.source_facts.machines, (), ()),
        "b": HostFacts(host(name="b"), (0, 0), (), (), ()),
    }
    given = gather.assemble(p.wave, p.plan, facts, lambda conn_id: p.connections[conn_id], lambda m, _: m, check)
    return given, asked


def test_a_machine_that_nothing_stands_against_is_no_concern():
    found, asked = seen([])
    assert categories(concern, found) == []
    assert asked == ["web"]


def test_what_the_platform_says_blocks_with_the_remedy_that_is_known():
    (found,) = ask(concern, seen([NO_SWITCH])[0])
    assert found.category is CRITICAL
    assert "(33012): Hyper-V says: Could not find Ethernet switch 'a'." in found.assessment
    assert found.assessment.endswith("Make the switch.")


def test_what_nobody_knows_blocks_too():
    (found,) = ask(concern, seen([dataclasses.replace(NO_SWITCH, id="4711", remedy=None)])[0])
    assert found.category is CRITICAL
    assert "(4711)" in found.assessment
    assert concern.WAIVABLE is False


def test_a_platform_that_cannot_be_asked_blocks():
    refused = OperatorNeededError("The login is good for one host only.", remedy="Use credssp.")
    (found,) = ask(concern, seen(refused)[0])
    assert "(not asked): The login is good for one host only." in found.assessment
    assert found.assessment.endswith("Use credssp.")


def test_a_machine_that_does_not_run_is_not_asked_for():
    found, asked = seen([NO_SWITCH], state=PowerState.OFF)
    assert (categories(concern, found), asked) == ([], [])

from factory import CRITICAL, ask, categories, disk, is_unknown, machine, preflight

from drover.concerns import gather
from drover.concerns import translation_refused as concern
from drover.errors import OperatorNeededError


def test_a_machine_that_the_target_can_make_is_no_concern():
    assert categories(concern, preflight()) == []
    assert categories(concern, preflight(None)) == []


def test_one_that_it_cannot_make_blocks_with_the_target_s_words():
    (found,) = ask(concern, preflight(refusal="Adapter 1 is a 'sriov'. Change it."))
    assert found.category is CRITICAL
    assert "Adapter 1 is a 'sriov'" in found.assessment


def test_what_another_concern_says_better_is_not_said_twice():
    lost = machine(disks=(disk(pool="elsewhere"),))
    assert categories(concern, preflight(lost, refusal="The pool is not mapped. Map it.")) == []


def test_an_answer_that_is_missing_blocks():
    p = preflight()
    import dataclasses

    assert is_unknown(ask(concern, dataclasses.replace(p, translated=None)))


def test_the_target_is_asked_and_its_refusal_kept():
    p = preflight()

    def refuse(*_):
        raise OperatorNeededError("No such adapter.", remedy="Change it.")

    facts = {"a": p.source_facts, "b": p.target_facts}
    seen = gather.assemble(p.wave, p.plan, facts, lambda conn_id: p.connections[conn_id], refuse)
    assert seen.translated is None
    assert seen.refusal == "No such adapter. Change it."
    asked = []
    seen = gather.assemble(
        p.wave, p.plan, facts, lambda conn_id: p.connections[conn_id], lambda *given: asked.append(given) or p.source
    )
    assert (seen.translated, seen.refusal) == (p.source, None)
    ((source, settings),) = asked
    assert source == p.source
    assert (settings.networks, settings.storage) == ({"production": "production"}, {"default": "default"})

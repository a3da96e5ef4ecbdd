from factory import INFORMATION, ask, categories, host, machine, preflight

from drover.concerns import translation_notes as concern

NOTED = machine(notes="Ask Ann before you restart it.")
ELSEWHERE = host(hypervisor="vsphere", name="vc-b")


def test_notes_that_are_kept_are_no_concern():
    assert categories(concern, preflight(NOTED, target=ELSEWHERE, translated=NOTED)) == []
    assert categories(concern, preflight(target=ELSEWHERE, translated=machine())) == []
    assert categories(concern, preflight(NOTED, translated=machine())) == [], "one kind keeps the definition"


def test_attributes_stay_with_their_manager():
    billed = machine(devices=("attribute cost center", "attribute backup"))
    (found,) = ask(concern, preflight(billed))
    assert (found.category, found.label) == (INFORMATION, "Custom attributes stay behind")
    assert "has custom attributes that are filled in (backup, cost center)." in found.assessment
    one = {"source_host": host(id="1"), "target": host(id="1")}
    assert categories(concern, preflight(billed, **one)) == [INFORMATION]
    assert categories(concern, preflight(billed, live=True)) == [INFORMATION]
    assert categories(concern, preflight(billed, live=True, **one)) == []


def test_notes_that_stay_behind_are_told():
    (found,) = ask(concern, preflight(NOTED, target=ELSEWHERE, translated=machine()))
    assert found.category is INFORMATION
    assert found.assessment == (
        "Machine 'web' has notes that people wrote; they are not taken to vc-b. Who looks at the machine there does "
        "not find them. Nothing is needed: they are in the backup's definition; copy them where somebody needs them."
    )

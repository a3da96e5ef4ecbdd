from factory import INFORMATION, ask, categories, host, machine, preflight

from drover.concerns import translation_start_stop as concern

SET = machine(hypervisor="hyperv", devices=("stop-action ShutDown", "start-delay 90 s", "cluster-role"))


def test_what_a_host_does_with_it_at_its_start_and_end_stays_behind():
    (found,) = ask(concern, preflight(SET))
    assert (found.category, found.label) == (INFORMATION, "Its host's start and end")
    assert found.assessment.startswith(
        "Machine 'web' has settings for when its host starts or ends (start delay 90 s, stop action ShutDown). They "
        "are not taken to kvm-b, which "
    )


def test_one_of_the_two_is_told_alone():
    (found,) = ask(concern, preflight(machine(hypervisor="hyperv", devices=("stop-action Save",))))
    assert "(stop action Save)" in found.assessment


def test_another_host_of_the_kind_keeps_them_and_others_have_none():
    assert categories(concern, preflight(SET, target=host(hypervisor="hyperv"))) == []
    assert categories(concern, preflight(machine(hypervisor="hyperv"))) == []

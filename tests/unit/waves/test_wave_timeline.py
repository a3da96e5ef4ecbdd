"""A wave played through in thought: order, shared links, limits, the window's gate."""

import pytest

from drover.waves.timeline import Job, Span, Step, end, lead, play

MB = 1_000_000


def copying(seconds: float = 0.0, data: float = 100.0, rate: float = 10.0, link: str = "a", *slots: str) -> Step:
    return Step("transfer", seconds, data, rate, link, slots)


def ends(spans: list[Span]) -> dict[str, float]:
    return {name: max(span.ends for span in spans if span.machine == name) for name in {s.machine for s in spans}}


def test_steps_follow_each_other_and_machines_their_order():
    steps = (Step("backup", 2.0), copying(1.0))
    spans = play([Job("web", ("db",), steps), Job("db", (), steps)])
    assert [(span.machine, span.step, span.begins, span.ends) for span in spans] == [
        ("db", "backup", 0.0, 2.0),
        ("db", "transfer", 2.0, 13.0),
        ("web", "backup", 13.0, 15.0),
        ("web", "transfer", 15.0, 26.0),
    ]


def test_copies_of_one_link_share_it_and_those_of_another_do_not():
    spans = play([Job("x", (), (copying(),)), Job("y", (), (copying(),)), Job("z", (), (copying(0, 100, 10, "b"),))])
    assert ends(spans) == pytest.approx({"x": 20, "y": 20, "z": 10})


def test_a_copy_has_the_link_to_itself_once_the_other_is_done():
    spans = play([Job("short", (), (copying(data=50),)), Job("long", (), (copying(data=100),))])
    # Both at half the rate until the short one is done after 10 s, then the other 50 at the whole rate.
    assert ends(spans) == pytest.approx({"short": 10, "long": 15})


def test_the_waves_bandwidth_is_shared_by_all_links():
    jobs = [Job("x", (), (copying(link="a"),)), Job("y", (), (copying(link="b"),))]
    assert ends(play(jobs, limit=4.0)) == pytest.approx({"x": 50, "y": 50})
    assert ends(play(jobs, limit=1000.0)) == pytest.approx({"x": 10, "y": 10})


def test_a_place_that_is_full_is_waited_for():
    jobs = [Job(name, (), (Step("transfer", 10.0, slots=("host a",)),)) for name in "xyz"]
    assert end(play(jobs, slots={"host a": 1})) == 30
    assert end(play(jobs, slots={"host a": 2})) == 20
    assert end(play(jobs, slots={"host b": 1})) == 10


def test_no_machine_goes_down_before_the_gate_and_its_backup_may():
    job = Job("x", (), (Step("backup", 5.0), Step("transfer", 5.0)))
    spans = play([job], gate=20.0)
    assert [(span.step, span.begins) for span in spans] == [("backup", 0.0), ("transfer", 20.0)]
    assert lead([job, Job("y", ("x",), job.steps)]) == 5
    assert lead([Job("x", (), (Step("validate", 9.0),))]) == 0, "what is down already needs no lead"


def test_nothing_takes_no_time():
    assert play([]) == []
    assert end(play([Job("x", ("gone",), ())])) == 0


def test_three_hundred_machines_are_played_at_once():
    steps = tuple(
        copying(1.0, 10 * MB, MB) if name == "transfer" else Step(name, 1.0) for name in ("a", "transfer", "b")
    )
    jobs = [Job(f"m{n}", (f"m{n - 30}",), steps) for n in range(300)]
    assert end(play(jobs)) > 300 * 10

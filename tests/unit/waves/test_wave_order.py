import pytest

from drover.waves.order import downstream, tiers
from drover.waves.schema import Wave


def wave(**after: list[str]) -> Wave:
    machines = [{"name": name, "strategy": "cold", "after": others} for name, others in after.items()]
    values = {"wave": "w", "source": "a", "target": "b", "backup": {"folder": "/b"}, "machines": machines}
    return Wave.model_validate(values)


def names(machines):
    return [machine.name for machine in machines]


def test_each_machine_is_in_the_first_tier_that_its_predecessors_allow():
    made = wave(lb=["app1", "app2"], app1=["db"], app2=["db", "dns"], db=["dns"], dns=[], lone=[])
    assert [names(tier) for tier in tiers(made)] == [["dns", "lone"], ["db"], ["app1", "app2"], ["lb"]]


def test_downstream_is_everything_that_waits_directly_or_not():
    made = wave(lb=["app1"], app1=["db"], db=["dns"], dns=[], lone=[])
    assert names(downstream(made, "db")) == ["lb", "app1"]
    assert names(downstream(made, "lone")) == []


def test_a_circle_made_around_the_schema_does_not_hang():
    made = wave(a=[], b=["a"])
    circle = made.model_copy(
        update={"machines": (made.machines[0].model_copy(update={"after": ("b",)}), made.machines[1])}
    )
    with pytest.raises(ValueError, match="circle"):
        tiers(circle)

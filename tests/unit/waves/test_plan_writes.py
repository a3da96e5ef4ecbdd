"""A plan looks at what a machine writes, where that decides how long its live move takes and whether it ends."""

from typing import Any

from fleet import TEXT, Site, machine, resolve

from drover.hypervisors.counters import Usage
from drover.model import Category
from drover.waves.loader import parse
from drover.waves.plan import plan


class Metered(Site):
    """It tells what its machines write, and who asked for which."""

    def __init__(self, name: str, machines: list[Any]) -> None:
        super().__init__(name, machines)
        self.measured: list[str] = []

    def figures(self) -> frozenset[str]:
        return frozenset({"write_rate"})

    def usage(self, name: str, seconds: float) -> Usage:
        self.measured.append(name)
        return Usage(seconds, *[None] * 3, 10.0 * 1024**2, *[None] * 6)


def test_what_a_machine_writes_is_looked_at_where_it_moves_while_it_runs():
    sites: dict[str, Any] = {"a": Site("kvm-a", [machine("web", 1), machine("db", 2)]), "b": Site("kvm-b", [])}
    text = TEXT.replace("backup:", "bandwidth: 10 MiB/s\nbackup:")
    known = plan(parse(text), sites.__getitem__, resolve)
    assert "live.write_rate" in {concern.id for concern in known.machines[0].concerns}, "what nobody knows blocks"
    sites["a"] = Metered("kvm-a", sites["a"]._machines)
    report = plan(parse(text), sites.__getitem__, resolve)
    assert sites["a"].measured == ["web"]
    (found,) = [concern for concern in report.machines[0].concerns if concern.category is Category.CRITICAL]
    assert found.id == "live.write_rate"
    assert "writes 10.0 MiB a second" in found.assessment
    assert report.seconds > known.seconds
    sites["a"].takes_along = True
    plan(parse(text), sites.__getitem__, resolve)
    assert sites["a"].measured == ["web"], "its platform knows no limit"

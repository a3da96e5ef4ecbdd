"""A running guest moves by vMotion between hosts whose CPUs are not known to be alike."""

from collections.abc import Iterator

from drover.concerns.finding import warning
from drover.concerns.preflight import Preflight
from drover.model import Concern, Strategy

ID = "cpu.evc"
WAIVABLE = False


def check(p: Preflight) -> Iterator[Concern]:
    kinds = {p.source_host.hypervisor, p.target_host.hypervisor}
    if p.source is None or p.plan.strategy is not Strategy.LIVE or kinds != {"vsphere"}:
        return
    here, there = p.source_host.cpu_model, p.target_host.cpu_model
    if here is None or here != there:
        yield warning(
            ID,
            "CPUs or EVC modes differ",
            found=f"The hosts at the source have {here or 'several CPUs or EVC modes'}, "
            f"those at the target {there or 'several'}.",
            why="vMotion refuses a running guest that was shown a feature which the target's CPU lacks.",
            do="Set the same EVC mode on both clusters, or choose the strategy 'cold'.",
        )

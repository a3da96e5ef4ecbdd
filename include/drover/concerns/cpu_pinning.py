"""The machine is tied to certain CPUs or NUMA nodes of its host."""

import re
from collections.abc import Iterator

from drover.concerns.finding import critical, unknown, warning
from drover.concerns.preflight import Preflight, device_kind
from drover.model import Concern

ID = "cpu.pinning"
# A host whose CPUs are not numbered without gaps may have the number all the same.
WAIVABLE = True
KINDS = frozenset({"cpu-pinning", "numa-nodes"})

_LABEL = "Tied to CPUs or NUMA nodes"


def check(p: Preflight) -> Iterator[Concern]:
    """The words are `cpu-pinning 0-3,8` and `numa-nodes 1`. Only between two libvirt hosts the tie comes along."""
    comes_along = not p.to_another_kind and p.target_host.hypervisor == "libvirt"
    for device in p.devices(KINDS):
        found = f"Machine '{p.plan.name}' is tied to parts of {p.source_host.name} ({device})."
        if comes_along:
            yield _judged(p, device, found)
        else:
            yield warning(
                ID,
                _LABEL,
                found=found,
                why="The tie stays behind: at the target it runs on any of them, and what was timed for these may "
                "get slower.",
                do="Tie it again at the target after the move, where it is still needed.",
            )


def _judged(p: Preflight, device: str, found: str) -> Concern:
    cpus = device_kind(device) == "cpu-pinning"
    what, there = ("CPUs", p.target_host.cpus) if cpus else ("NUMA nodes", p.target_host.numa_nodes)
    named = [int(number) for number in re.findall(r"\d+", device)]
    if not named or not there or there < 0:
        do = "Check its hypervisor's service, or untie the machine at the source."
        return unknown(ID, _LABEL, what=f"whether {p.target_host.name} has the {what} of '{device}'", do=do)
    if max(named) >= there:
        return critical(
            ID,
            _LABEL,
            found=f"{found[:-1]}; {p.target_host.name} has {there} {what}, counted from 0.",
            why="A machine that is tied to what is not there does not start.",
            do="Untie it at the source, or tie it to what both hosts have.",
        )
    return warning(
        ID,
        _LABEL,
        found=found,
        why="The same numbers at the target are other ones, which another machine may have to itself.",
        do="See what runs on them there, and tie it anew after the move.",
    )

"""The guest would see its CPUs in another shape, or another model of CPU."""

from collections.abc import Iterator

from drover.concerns.finding import warning
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "translation.cpu"
WAIVABLE = False


def check(p: Preflight) -> Iterator[Concern]:
    if p.source is None or p.translated is None:
        return
    here, there = p.source.cpu, p.translated.cpu
    shapes = [f"{cpu.sockets} sockets, {cpu.cores} cores, {cpu.threads} threads" for cpu in (here, there)]
    if shapes[0] != shapes[1]:
        yield warning(
            ID,
            "CPUs in another shape",
            found=f"Machine '{p.plan.name}' has {shapes[0]}; at the target it has {shapes[1]}.",
            why="Licences are counted by sockets or cores, and some systems use only so many sockets.",
            do="Check the licences of what runs in it.",
        )
    if (here.mode, here.model) != (there.mode, there.model):
        before, after = (cpu.model or cpu.mode or "its hypervisor's own" for cpu in (here, there))
        yield warning(
            ID,
            "CPU of another model",
            found=f"Machine '{p.plan.name}' sees the CPU '{before}'; at the target it sees '{after}'.",
            why="Software that was built for one model of CPU may miss an instruction on another.",
            do="Make sure that the target's processors are not older than the source's.",
        )

"""In which order the machines of a wave go, from what each names under `after:`."""

from graphlib import CycleError, TopologicalSorter

from drover.waves.schema import MachinePlan, Wave


def tiers(wave: Wave) -> list[list[MachinePlan]]:
    """The machines in groups: each one's predecessors are all in earlier groups. In the file's order within a group."""
    sorter = TopologicalSorter({machine.name: machine.after for machine in wave.machines})
    try:
        sorter.prepare()
    except CycleError:
        # The schema refuses circles; this guards whoever builds a wave around it.
        raise ValueError(f"The machines of wave '{wave.wave}' are in a circle.") from None
    groups: list[list[MachinePlan]] = []
    while sorter.is_active():
        ready = sorter.get_ready()
        groups.append([machine for machine in wave.machines if machine.name in ready])
        sorter.done(*ready)
    return groups


def downstream(wave: Wave, name: str) -> list[MachinePlan]:
    """Every machine that waits for this one, directly or through others, in the file's order."""
    reached = {name}
    grown = True
    while grown:
        more = {machine.name for machine in wave.machines if reached.intersection(machine.after)} - reached
        reached |= more
        grown = bool(more)
    return [machine for machine in wave.machines if machine.name in reached and machine.name != name]

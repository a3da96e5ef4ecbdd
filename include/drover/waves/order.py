"""In which order the machines of a wave go, from what each names under `after:`."""

from drover.waves.schema import MachinePlan, Wave


def tiers(wave: Wave) -> list[list[MachinePlan]]:
    """The machines in groups: each one's predecessors are all in earlier groups. In the file's order within a group."""
    depth: dict[str, int] = {}
    waiting = list(wave.machines)
    while waiting:
        ready = [machine for machine in waiting if all(name in depth for name in machine.after)]
        if not ready:
            # The schema refuses circles; this guards whoever builds a wave around it.
            raise ValueError(f"The machines of wave '{wave.wave}' are in a circle.")
        for machine in ready:
            depth[machine.name] = 1 + max((depth[name] for name in machine.after), default=-1)
        waiting = [machine for machine in waiting if machine.name not in depth]
    groups: list[list[MachinePlan]] = [[] for _ in range(1 + max(depth.values(), default=-1))]
    for machine in wave.machines:
        groups[depth[machine.name]].append(machine)
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

"""Where the machines of a host can go: each to the host that has the most room left once it is there."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from drover.concerns.preflight import HostFacts
from drover.errors import OperatorNeededError
from drover.model import Host, PowerState, VirtualMachine
from drover.proposals.amounts import shown

Words = str
# Why this machine cannot go to this host for a reason of its own, in words; nothing where it can.
Objection = Callable[[VirtualMachine, "Room"], Words | None]


@dataclass(slots=True)
class Room:
    """A host that machines can go to, and what is left of it.

    :param connection: the connection that it is behind. :param pools: bytes left in each of that one's storage pools.
    :param pools: is one and the same for all hosts behind a connection.
    """

    connection: str
    host: Host
    pools: dict[str, int]
    memory: int
    cpus: int = 0
    taken: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.host.name} ({self.connection})"

    def share_left(self, machine: VirtualMachine) -> float:
        """Of its memory, once the machine is there."""
        return (self.memory - memory_of(machine)) / max(1, self.host.memory)

    def load(self, machine: VirtualMachine) -> float:
        """CPUs given to machines that came here, for each that the host has."""
        return (self.cpus + machine.cpu.count) / max(1, self.host.cpus)


@dataclass(frozen=True, slots=True)
class Placed:
    """:param why: the choice, in words."""

    machine: VirtualMachine
    connection: str
    host: str
    why: str


def rooms_of(facts: Mapping[str, HostFacts], leaving: Iterable[tuple[str, str]]) -> list[Room]:
    """The hosts behind these connections, without those that are left. :param leaving: connection and host name."""
    left = set(leaving)
    rooms = []
    for connection, told in sorted(facts.items()):
        pools = {pool.name: pool.available for pool in told.pools if pool.active}
        for host in told.hosts or (told.host,):
            if (connection, host.name) not in left:
                rooms.append(Room(connection, host, pools, host.memory_free))
    return rooms


def place(
    machines: Sequence[VirtualMachine],
    rooms: Sequence[Room],
    storage: Mapping[str, str],
    source: str,
    objection: Objection,
) -> list[Placed]:
    """The largest first, for the small ones fit in what is left.

    :param storage: source pool name to target pool name. :param source: the connection that they leave.
    :raises OperatorNeededError: a machine fits nowhere; every host is named with what it lacks.
    """
    placed = []
    for machine in sorted(machines, key=lambda each: (-memory_of(each), -_size(each), each.name)):
        needed = {id(room): _needed(machine, storage, room, source) for room in rooms}
        lacks = {id(room): objection(machine, room) or _lack(machine, room, needed[id(room)]) for room in rooms}
        fit = [room for room in rooms if lacks[id(room)] is None]
        if not fit:
            told = " ".join(f"{room.name} {lacks[id(room)]}." for room in rooms) or "There is no other host."
            raise OperatorNeededError(
                f"There is no room for machine '{machine.name}' "
                f"({shown(memory_of(machine))} of memory, {shown(_size(machine))} of disks): {told}",
                remedy="Name more targets, make room there, or move it by itself first.",
            )
        best = min(fit, key=lambda room: (-room.share_left(machine), room.load(machine), room.name))
        _take(best, machine, needed[id(best)])
        placed.append(Placed(machine, best.connection, best.host.name, _why(best, len(fit), len(rooms))))
    return placed


def memory_of(machine: VirtualMachine) -> int:
    """What it takes at the target at once: one that is off stays off."""
    return machine.memory if machine.state is not PowerState.OFF else 0


def _size(machine: VirtualMachine) -> int:
    return sum(disk.size for disk in machine.disks)


def _needed(machine: VirtualMachine, storage: Mapping[str, str], room: Room, source: str) -> dict[str, int]:
    """Bytes by target pool. Behind one manager a disk that stays in its pool takes nothing more."""
    needed: dict[str, int] = {}
    for disk in machine.disks:
        pool = storage[disk.pool or ""]
        stays = room.connection == source and pool == disk.pool
        needed[pool] = needed.get(pool, 0) + (0 if stays else disk.size)
    return needed


def _lack(machine: VirtualMachine, room: Room, needed: Mapping[str, int]) -> Words | None:
    if room.host.in_maintenance:
        return "is in maintenance"
    if room.memory < memory_of(machine):
        return f"has {shown(room.memory)} of memory left"
    if room.host.cpus < machine.cpu.count:
        return f"has {room.host.cpus} CPUs, and the machine {machine.cpu.count}"
    for pool, size in needed.items():
        if pool not in room.pools:
            return f"has no storage pool '{pool}' that is active"
        if room.pools[pool] < size:
            return f"has {shown(room.pools[pool])} left in the storage pool '{pool}'"
    return None


def _take(room: Room, machine: VirtualMachine, needed: Mapping[str, int]) -> None:
    room.memory -= memory_of(machine)
    room.cpus += machine.cpu.count
    room.taken.append(machine.name)
    for pool, size in needed.items():
        room.pools[pool] -= size


def _why(room: Room, fit: int, asked: int) -> str:
    left = f"{shown(room.memory)} of {shown(room.host.memory)} of memory stay free there"
    if asked == 1:
        return f"{room.name}: the only host; {left}"
    if fit == 1:
        return f"{room.name}: the only one of {asked} hosts that it fits on; {left}"
    return f"{room.name}: the most room of {fit} hosts that it fits on, of {asked} asked; {left}"

"""Identify the machine: everything a migration needs to know of it, checked before anything builds on it."""

from drover.errors import CorruptionError
from drover.migration import claims, intents
from drover.migration.earlier import MOVED_BY, moved_by
from drover.migration.identity import refuse_migrated
from drover.migration.intents import Intent
from drover.migration.move import Move
from drover.migration.stage import Facts, stage
from drover.migration.together import refuse_lost_wave
from drover.model import VirtualMachine


@stage("inventory")
def run(move: Move) -> Facts:
    earlier = moved_by(move)
    if earlier is not None:
        return {MOVED_BY: earlier}
    refuse_lost_wave(move)
    machine = move.source.machine(move.name)
    refuse_migrated(machine)
    if intents.declared(move.store, Intent.BEGUN):
        # What it was like before is what a rollback restores; a machine that we shut down is not news.
        machine = move.machine
    else:
        move.remember(machine)
    claims.refuse_foreign(move)
    _validate(move, machine)
    return {
        "uuid": machine.uuid,
        "host": machine.host,
        "from": move.wave.source_of(move.plan),
        "to": move.wave.target_of(move.plan),
        "state": machine.state.value,
        "firmware": machine.firmware.value,
        "cpus": machine.cpu.count,
        "memory": machine.memory,
        "disks": len(machine.disks),
        "bytes": sum(disk.size for disk in machine.disks),
        "bytes_allocated": sum(disk.allocated for disk in machine.disks),
    }


def _validate(move: Move, machine: VirtualMachine) -> None:
    from drover.quality import inventory

    verdict = inventory.validate([machine], move.store.path("quality", "inventory"))
    if not verdict.passed:
        raise CorruptionError(
            f"The inventory of machine '{machine.name}' is not usable: {' '.join(verdict.failures)}",
            remedy="Correct the machine's definition at the source and run this task again.",
        )

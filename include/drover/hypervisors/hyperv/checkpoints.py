"""Checkpoints of Drover's own, and the wait until Hyper-V has merged what they leave behind."""

import time

from drover.errors import BadInputError, RetryableError
from drover.hypervisors.hyperv import inventory, scripts
from drover.hypervisors.hyperv.session import Session

READ, TRIAL = "drover read", "drover trial"
OURS = (READ, TRIAL)
_SECONDS = 900.0
_MERGED = 1800.0
_LOOK = 2.0


def make(session: Session, machine_id: str, name: str) -> str:
    """Freezes the machine's disks. :returns: the checkpoint's id."""
    made = scripts.run(session, "checkpoint-make", deadline=_SECONDS, id=machine_id, name=name)
    return str(made[-1]) if made else ""


def take(session: Session, machine: str, purpose: str) -> None:
    """A checkpoint for somebody's purpose; one that was taken for it before is replaced."""
    drop(session, machine, purpose)
    make(session, inventory.id_of(session, machine), _named(purpose))


def drop(session: Session, machine: str, purpose: str) -> None:
    """Removes what `take` made for this purpose, if anything; Hyper-V merges it by itself."""
    name = _named(purpose)
    scripts.run(session, "checkpoint-remove", deadline=_SECONDS, id=inventory.id_of(session, machine), name=name)


def _named(purpose: str) -> str:
    name = f"drover {purpose}"
    # Names do not care for case there.
    if not purpose.strip() or name.lower() in OURS:
        raise BadInputError(
            f"A checkpoint cannot be for the purpose '{purpose}'.", remedy="Say what it is for, as in 'before update'."
        )
    return name


def end(session: Session, script: str, machine_id: str, name: str) -> None:
    """Runs a script that removes the checkpoint, until the disks are single files again.

    :raises RetryableError: Hyper-V does not merge them.
    """
    until = time.monotonic() + _MERGED
    while True:
        paths = scripts.run(session, script, deadline=_SECONDS, id=machine_id, name=name)
        if not any(str(path).lower().endswith((".avhdx", ".avhd")) for path in paths):
            return
        if time.monotonic() > until:
            raise RetryableError(
                f"Hyper-V on {session.target.host} does not merge the disks of a checkpoint ({name}).",
                remedy="See its event log; then run this step again.",
            )
        time.sleep(_LOOK)

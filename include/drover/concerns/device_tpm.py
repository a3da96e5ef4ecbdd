"""The machine has a TPM."""

from collections.abc import Iterator

from drover.concerns.finding import critical
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "device.tpm"
WAIVABLE = True
KINDS = frozenset({"tpm"})


def check(p: Preflight) -> Iterator[Concern]:
    for device in p.devices(KINDS):
        yield critical(
            ID,
            "TPM",
            found=f"Machine '{p.plan.name}' has a TPM ({device}).",
            why="Its secrets lie outside the disks and do not move along: an encrypted disk would ask for its "
            "recovery key, or never open again.",
            do="Have the recovery keys at hand and suspend the disk encryption, then waive this.",
        )

"""The hypervisor encrypts the machine or a disk of it."""

from collections.abc import Iterator

from drover.concerns.finding import critical
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "device.encryption"
WAIVABLE = False
KINDS = frozenset({"disk-encryption", "machine-encryption"})


def check(p: Preflight) -> Iterator[Concern]:
    for device in p.devices(KINDS):
        yield critical(
            ID,
            "Encrypted by the hypervisor",
            found=f"Machine '{p.plan.name}' is encrypted by its hypervisor ({device}).",
            why="Its bytes cannot be read, or not be opened, without a key that stays with the source's key provider.",
            do="Decrypt the machine at the source (change its storage policy), move it, and encrypt it again "
            "at the target.",
        )

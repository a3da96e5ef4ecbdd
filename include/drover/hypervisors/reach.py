"""Hypervisors whose disks are reached over another line than the one over which they are asked."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class OutOfReach:
    """Why nobody gets at the disks. :param message: one sentence: what is wrong. :param remedy: what to do about it."""

    message: str
    remedy: str


@runtime_checkable
class DiskLine(Protocol):
    """A hypervisor that can tell beforehand whether the disks of its machines can be reached."""

    def disks_out_of_reach(self) -> OutOfReach | None:
        """Asks whoever gives the disks out, but for no disk; None where nothing stands in the way."""
        ...

"""Kinds of devices that a Hyper-V host is not asked for, so that nobody could tell whether the machine has one."""

from collections.abc import Iterator

from drover.concerns.finding import critical
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "device.not_asked"
# A person can look, and say in the wave file that there is none.
WAIVABLE = True

_KINDS = "devices handed through (DDA), GPU partitions, Fibre Channel adapters and COM ports"


def check(p: Preflight) -> Iterator[Concern]:
    if p.source is not None and p.source.hypervisor == "hyperv":
        yield critical(
            ID,
            "Devices that were not asked for",
            found=f"{p.source_host.name} was not asked whether machine '{p.plan.name}' has {_KINDS}.",
            why="Such a device would stay behind without a word, and what nobody knows counts as found.",
            do="Look with Get-VMAssignableDevice, Get-VMGpuPartitionAdapter, Get-VMFibreChannelHba and Get-VMComPort; "
            "waive this for the machine where it has none.",
        )

"""Both ends are one host. Behind one vCenter, a running machine may still go to another host or other datastores."""

from collections.abc import Iterator

from drover.concerns.finding import critical
from drover.concerns.preflight import Preflight
from drover.model import Concern, Strategy

ID = "host.same"
WAIVABLE = True


def check(p: Preflight) -> Iterator[Concern]:
    if p.one_manager and p.source_host.hypervisor == "vsphere" and p.plan.strategy is Strategy.LIVE:
        yield from _behind_one_manager(p)
    elif p.one_manager or p.source_host.name == p.target_host.name:
        yield critical(
            ID,
            "Source and target are one host",
            found=f"Both connections lead to a host that calls itself {p.source_host.name}.",
            why="A machine cannot move to where it is.",
            do="Correct the connections; if they are two hosts, give them different host names.",
        )


def _behind_one_manager(p: Preflight) -> Iterator[Concern]:
    host = p.mappings.host
    if host is not None and any(p.mappings.storage.get(disk.pool or "", disk.pool) != disk.pool for disk in p.disks):
        return  # Its disks move.
    if p.source is not None and host in (None, p.source.host):
        where = "no host is named for it" if host is None else f"it is to go to {host}, where it is"
        yield critical(
            ID,
            "Source and target are one host",
            found=f"Machine '{p.plan.name}' stays behind {p.source_host.name}, and {where}.",
            why="A machine cannot move to where it is.",
            do="Name another of its hosts as the machine's host, or map its storage to another datastore.",
        )

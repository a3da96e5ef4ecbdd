"""How much of a limited rate is used: a link's own limit, and Drover's."""

import os
from collections.abc import Iterator

from bench.disks import MIB, make, workspace
from bench.figures import Figure, Order, best_of
from bench.link import limited
from bench.servers import served
from drover.blocks.endpoint import Endpoint
from drover.blocks.readback import read_manifest
from drover.blocks.throttle import Throttle

_LINK_BITS = 400_000_000
_LINK_SIZE = 512 * MIB
_OWN_LIMIT = 100 * MIB


def figures(order: Order) -> Iterator[Figure]:
    with workspace(_LINK_SIZE) as folder:
        disk = make("random", folder / "source.raw", _LINK_SIZE)
        if os.geteuid() == 0:
            order.say("a link of limited rate")
            with limited(disk, folder / "link.sock", _LINK_BITS) as uri:
                (seconds,) = best_of(1, lambda: _read(uri, Throttle()))
            yield _used("rate of a link limited by tbf, used", seconds, _LINK_BITS // 8)
        order.say("a bandwidth limit of our own")
        with served(disk, folder / "a.sock", read_only=True) as uri:
            (seconds,) = best_of(1, lambda: _read(uri, Throttle(_OWN_LIMIT)))
        yield _used("bandwidth limit of Drover, used", seconds, _OWN_LIMIT)


def _read(uri: str, throttle: Throttle) -> None:
    read_manifest(Endpoint(uri, "source"), throttle=throttle, progress=lambda _progress: None)


def _used(name: str, seconds: float, limit: int) -> Figure:
    """0.95 of the limit used is a ratio of 1 / 0.95."""
    rate = _LINK_SIZE / seconds
    return Figure(
        name, round(rate / MIB, 1), "MiB/s", "the limit", round(limit / MIB, 1), round(limit / rate, 3), 1.053
    )

"""How long the demo's wave takes beside what was said before, on a machine that has moved nothing yet."""

import os
import shutil
from collections.abc import Iterator

from bench.figures import Figure, Order, figure
from drover.errors import OperatorNeededError

_OFF = 25.0  # per cent of what it took


def figures(order: Order) -> Iterator[Figure]:
    if not order.demo:
        return
    from rich.console import Console

    from drover_lab.demo.home import Home
    from drover_lab.demo.run import demo

    # A lab and an Airflow of its own: what earlier demos took here would tell too much.
    name = f"bench{os.getpid()}"
    order.say("the demo's wave")
    try:
        outcome = demo(name, leave=True, console=Console(stderr=True))
    finally:
        shutil.rmtree(Home(name).folder, ignore_errors=True)
    if not outcome.good:
        raise OperatorNeededError("The demo's wave failed, so its time says nothing.", remedy="See what it said above.")
    yield figure("the demo's wave: estimate", outcome.estimated, "what it took", outcome.took, aim=None)
    off = abs(outcome.estimated / outcome.took - 1) * 100
    yield figure("the demo's wave: estimate, off", off, "the limit", _OFF, aim=1.0, unit="%")

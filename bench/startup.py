"""How soon the command is there."""

import subprocess
import sys
from collections.abc import Iterator

from bench.figures import Figure, Order, best_of, figure


def figures(order: Order) -> Iterator[Figure]:
    order.say("start-up")
    command = [sys.executable, "-m", "drover", "verify", "--help"]
    (seconds,) = best_of(3, lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))
    yield figure("start-up of the command", seconds, "one second", 1.0, aim=1.0)

"""Measures Drover beside its peers, each pair in the same run and in turns."""

from collections.abc import Callable

from bench import copies, estimate, inventory, limits, startup
from bench.disks import KINDS
from bench.figures import Figure, Order

# One file a subject. Each has `figures(order)`, which makes what it needs and leaves nothing behind.
_SUBJECTS = (startup, copies, limits, inventory, estimate)


def run(
    size: int,
    kinds: tuple[str, ...] = KINDS,
    demo: bool = False,
    say: Callable[[str], None] = lambda _text: None,
) -> list[Figure]:
    """All figures. :param size: of each disk, bytes. :param say: told what is being measured."""
    order = Order(size, kinds, demo, say)
    return [figure for subject in _SUBJECTS for figure in subject.figures(order)]

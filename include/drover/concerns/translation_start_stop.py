"""What a host does with the machine when it ends, and how long it waits before it starts it, stay behind."""

from collections.abc import Iterator

from drover.concerns.finding import information
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "translation.start_stop"
WAIVABLE = False
KINDS = frozenset({"start-delay", "stop-action"})


def check(p: Preflight) -> Iterator[Concern]:
    """Between two hosts of one kind they are kept. The words are `start-delay <n> s` and `stop-action <action>`."""
    if not p.to_another_kind:
        return
    if settings := sorted(device.replace("-", " ", 1) for device in p.devices(KINDS)):
        yield information(
            ID,
            "Its host's start and end",
            found=f"Machine '{p.plan.name}' has settings for when its host starts or ends ({', '.join(settings)}).",
            why=f"They are not taken to {p.target_host.name}, which does then with it what it does with any other.",
            do="Set the like at the target after the move, where somebody counts on the order or on what is saved.",
        )

"""When a machine's processors ran on each host, by the clock of the QEMU that ran them.

A live move lets two QEMUs of one machine exist at once; never two means that at most one of them runs. QEMU tells when
it lets its processors run and when it stops them, and libvirt passes that on.
"""

import re
import subprocess
from pathlib import Path
from typing import Self

from lab_moves import wait_for
from pebble import AWAY, HOME, Pebble

from drover_lab.lab import Lab

# It ends with its input, so that nothing of it stays on a host.
_LISTEN = "stdbuf -oL virsh -q qemu-monitor-event --loop --regex --event '^(RESUME|STOP|SHUTDOWN)$' & cat; kill $!"
_EVENT = re.compile(r"^event (\w+) at (\d+\.\d+) for domain '([^']+)'", re.MULTILINE)
Span = tuple[float, float]


def overlap(here: list[Span], there: list[Span]) -> bool:
    return any(a[0] < b[1] and b[0] < a[1] for a in here for b in there)


class Watch:
    """:param folder: where what is heard is written."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self._heard = {host: folder / f"events-{host}" for host in (HOME, AWAY)}
        self._listeners = [
            subprocess.Popen([*lab.ssh_command(host), _LISTEN], stdin=subprocess.PIPE, stdout=path.open("wb"))
            for host, path in self._heard.items()
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for listener in self._listeners:
            assert listener.stdin is not None
            listener.stdin.close()
            listener.wait(60)

    def ran(self, host: str, pebble: Pebble) -> list[Span]:
        """From when to when its processors ran there since it was reset; one that runs ends in the future."""
        heard = [(float(when), what) for what, when, name in _EVENT.findall(self._text(host)) if name == pebble.name]
        # A QEMU that was killed has told nothing.
        ends = [(end, "OFF") for _, end in pebble.ran(host) if end != float("inf")]
        spans: list[Span] = []
        for when, what in sorted([*heard, *ends]):
            if when < pebble.since:
                continue
            runs = bool(spans) and spans[-1][1] == float("inf")
            if what == "RESUME" and not runs:
                spans.append((when, float("inf")))
            elif what != "RESUME" and runs:
                spans[-1] = (spans[-1][0], when)
        return spans

    def _text(self, host: str) -> str:
        return self._heard[host].read_text()

    def two_ran(self, pebble: Pebble, running: str | None) -> bool:
        """Law: never two. Whether it ever ran at both ends at once since it was reset.

        :param running: where it runs now. That this was heard shows that nothing before it is still on its way here.
        """

        def caught_up() -> bool:
            return running is None or any(end == float("inf") for _, end in self.ran(running, pebble))

        def apart() -> bool:
            return not overlap(self.ran(HOME, pebble), self.ran(AWAY, pebble))

        wait_for(caught_up, 20)
        try:
            # An end that is still on its way takes an overlap back; a true one stays.
            wait_for(apart, 5)
        except AssertionError:
            return True
        return False

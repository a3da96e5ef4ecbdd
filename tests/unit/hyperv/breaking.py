"""A host breaks off in one script of ours, known by its name: its connection is cut there, or the host has no power.

The scripts run as they do; what they end with is kept, so that a test can tell that one did break off.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from hyperv_place import Place

from drover.errors import DroverError
from drover.hypervisors.hyperv import scripts
from drover.hypervisors.hyperv.session import Session
from drover_lab.process import wait_until

BROKE = "The connection to 127.0.0.1 broke. Try again when the host answers."
AWAY = (
    r"^WinRM is not running on 127\.0\.0\.1: nothing listens at port \d+\. Start it there with 'winrm quickconfig', or "
    r"correct host and port in the connection\.$"
)


@contextmanager
def at(script: str, happens: Callable[[], object], times: int = 1) -> Iterator[list[str]]:
    """This happens right before the script is run, the first time or so many times.

    :returns: what each run of it ended with: a sentence, or nothing where it came through.
    """
    ends: list[str] = []
    real = scripts.run

    def run(session: Session, name: str, /, **given: Any) -> list[Any]:
        if name != script:
            return real(session, name, **given)
        if len(ends) < times:
            happens()
        try:
            found = real(session, name, **given)
        except DroverError as error:
            ends.append(str(error))
            raise
        ends.append("")
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scripts, "run", run)
        yield ends


def cut_in(place: Place, script: str, action: str, *, when: str = "after") -> AbstractContextManager[list[str]]:
    """The connection is cut at the script's first request of this kind.

    :param when: before the host has carried the request out, or after. Nothing of a script has run when its Command was
        carried out, as it is not there yet; when its Receive was, all of it has.
    """

    def cut() -> None:
        place.peer.ask("clear")
        place.peer.goes_wrong("drop", action=action, when=when)

    return at(script, cut)


@contextmanager
def no_power_in(place: Place, script: str, done: Callable[[], bool] | None = None) -> Iterator[list[str]]:
    """The host has no power from this script on, to the end of the block.

    :param done: how to know that the script has done its work, whose answer then never comes; None: it does nothing.
    """
    cutting: list[threading.Thread] = []

    def begin() -> None:
        place.peer.ask("clear")
        # No answer until the power is gone.
        place.peer.goes_wrong("slow", action="Receive" if done else "Command", seconds=60.0)
        cutting.append(threading.Thread(target=cut))
        cutting[0].start()

    def cut() -> None:
        wait_until("the script is so far", done or (lambda: asked(place, "Command") > 0), deadline=30, interval=0.02)
        place.peer.ask("reboot", seconds=None)

    try:
        with at(script, begin) as ends:
            yield ends
    finally:
        for thread in cutting:
            thread.join()
        place.peer.ask("boot")
    assert len(ends) == 1, f"the script '{script}' ran {len(ends)} times"


def asked(place: Place, action: str) -> int:
    """How many requests of this kind the host was sent, since it forgot the others."""
    return [request["action"] for request in place.peer.status()["requests"]].count(action)

"""Waiting for a task: the server tells when it changes, and nobody asks it over and over.

`task.info` is never read through pyvmomi: it refuses tasks that are about a file instead of a machine, and those that
fail with a fault that it does not know.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from drover.errors import OperatorNeededError, RetryableError
from drover.hypervisors.vsphere import nodes
from drover.hypervisors.vsphere.errors import fault_error
from drover.hypervisors.vsphere.nodes import Node
from drover.hypervisors.vsphere.session import Session

# Well below the session's patience for one call.
_ONE_WAIT = 20
# No wait is for ever: a task may hang in a host that is gone.
_LONGEST = 3600.0
_PATHS = ["info.state", "info.progress", "info.error"]


@dataclass(frozen=True, slots=True)
class State:
    """:param word: `queued`, `running`, `success` or `error`. :param error: the server's LocalizedMethodFault."""

    word: str
    percent: int | None = None
    error: Node | None = None

    @property
    def ended(self) -> bool:
        return self.word in ("success", "error")


def wait(
    session: Session,
    task: Any,
    what: str,
    *,
    progress: Callable[[int], None] | None = None,
    deadline: float = _LONGEST,
    cancelled: Callable[[], bool] | None = None,
) -> Any:
    """Waits until the task is done; returns its result.

    :param what: what it does, for messages: `the snapshot of machine 'web'`.
    :param progress: is told the percentage whenever it changes.
    :param deadline: seconds, after which it is given up (and goes on at the server).
    :param cancelled: asked between waits; True cancels the task at the server.
    :raises DroverError: the task failed, was cancelled, or is not done at the deadline.
    """
    until = time.monotonic() + deadline
    shown, asked = -1, False
    for state in watch(session, task, pause=1 if cancelled else _ONE_WAIT):
        if progress and state.percent is not None and state.percent != shown:
            shown = state.percent
            progress(shown)
        if state.word == "success":
            return _result(session, task)
        if state.word == "error":
            raise fault_error(session.name, state.error, what)
        if cancelled and not asked and cancelled():
            asked = True
            cancel(session, task)
        if time.monotonic() > until:
            raise _too_long(session, what, deadline)
    raise AssertionError("a watch ends with its task")


def outlast(session: Session, task: Any, what: str, deadline: float = _LONGEST) -> None:
    """Waits until a task that somebody else began has ended, however it ends.

    :param deadline: seconds. :raises RetryableError: it has not ended then.
    """
    until = time.monotonic() + deadline
    for state in watch(session, task):
        if not state.ended and time.monotonic() > until:
            raise _too_long(session, what, deadline)


def _too_long(session: Session, what: str, deadline: float) -> RetryableError:
    return RetryableError(
        f"{session.name}, {what}: it is not done after {deadline:g} seconds.",
        remedy="See in the vSphere client how far the task is, then try again.",
    )


def wait_for(session: Session, task_id: str, what: str) -> None:
    """The same for a task that somebody else started. :param task_id: `task-42`."""
    from pyVmomi import vim

    wait(session, vim.Task(task_id, session.stub), what)


def watch(session: Session, task: Any, pause: int = _ONE_WAIT) -> "Iterator[State]":
    """The task's state, at once and whenever it changed, at least every `pause` seconds; ends when the task does."""
    seen: dict[str, Node] = {}
    while True:
        logins = session.logins
        try:
            with session.errors(), _collector(session, task) as collector:
                version: str | None = ""
                while True:
                    version = _update(session, collector, version, pause, seen)
                    state = State(
                        word=nodes.text(seen.get("info.state")) or "queued",
                        percent=nodes.number(seen.get("info.progress")),
                        error=seen.get("info.error"),
                    )
                    yield state
                    if state.ended:
                        return
        except OperatorNeededError:
            # A filter lives as long as its session does: after a new login, it is made anew.
            if session.logins == logins:
                raise


def state_of(session: Session, task: Any) -> State:
    """The task's state now, without waiting."""
    return next(watch(session, task))


def cancel(session: Session, task: Any) -> None:
    """Asks the server to end the task; one that is done already, or cannot be cancelled, goes its way."""
    from pyVmomi import vim, vmodl

    with session.errors(), suppress(vim.fault.InvalidState, vmodl.fault.NotSupported):
        task.CancelTask()


def _result(session: Session, task: Any) -> Any:
    """What the task made, as pyvmomi's objects."""
    from pyVmomi import vim, vmodl

    query = vmodl.query.PropertyCollector
    spec = query.FilterSpec(
        objectSet=[query.ObjectSpec(obj=task)], propSet=[query.PropertySpec(type=vim.Task, pathSet=["info.result"])]
    )
    with session.errors():
        answer = session.content.propertyCollector.RetrievePropertiesEx([spec], query.RetrieveOptions())
    found = [entry.val for one in answer.objects for entry in one.propSet] if answer else []
    return found[0] if found else None


@contextmanager
def _collector(session: Session, task: Any) -> Iterator[Any]:
    """A collector of its own: two waits on one would take each other's news away."""
    from pyVmomi import vim, vmodl

    query = vmodl.query.PropertyCollector
    collector = session.content.propertyCollector.CreatePropertyCollector()
    try:
        spec = query.FilterSpec(
            objectSet=[query.ObjectSpec(obj=task)],
            propSet=[query.PropertySpec(type=vim.Task, pathSet=_PATHS)],
        )
        collector.CreateFilter(spec, False)
        yield collector
    finally:
        with suppress(Exception):  # gone with its session, or the server with it
            collector.DestroyPropertyCollector()


def _update(session: Session, collector: Any, version: str | None, pause: int, seen: dict[str, Node]) -> str | None:
    """Waits for news and puts them into `seen`; returns the version that the next wait starts from."""
    from pyVmomi import vmodl

    options = vmodl.query.PropertyCollector.WaitOptions(maxWaitSeconds=pause)
    news = session.call(collector, "WaitForUpdatesEx", version, options)
    if news is None:
        return version
    for change in nodes.children(news, "filterSet/objectSet"):
        if nodes.text(change, "kind") == "leave":
            raise vmodl.fault.ManagedObjectNotFound()
        for entry in nodes.children(change, "changeSet"):
            value = nodes.child(entry, "val")
            if value is not None:
                seen[nodes.text(entry, "name") or ""] = value
    return nodes.text(news, "version")

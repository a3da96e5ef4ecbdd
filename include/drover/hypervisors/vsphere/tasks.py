"""Waiting for a task: the server tells when it changes, in the form that pyvmomi can read.

`task.info` is never read whole: pyvmomi refuses it where the task is about a file instead of a machine.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from drover.errors import DroverError, OperatorNeededError, RetryableError
from drover.hypervisors.vsphere.errors import from_fault
from drover.hypervisors.vsphere.session import Session

# Well below the session's patience for one call.
_ONE_WAIT = 20
_PATHS = ["info.state", "info.progress", "info.error", "info.result", "info.cancelled", "info.cancelable"]


def wait(
    session: Session,
    task: Any,
    what: str,
    *,
    progress: Callable[[int], None] | None = None,
    deadline: float | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Any:
    """Waits until the task is done; returns its result.

    :param what: what it does, for messages: `the snapshot of machine 'web'`.
    :param progress: is told the percentage whenever it changes.
    :param deadline: seconds, after which it is given up (and goes on at the server).
    :param cancelled: asked between waits; True cancels the task at the server.
    :raises DroverError: the task failed, was cancelled, or is not done at the deadline.
    """
    until = time.monotonic() + deadline if deadline is not None else None
    shown, asked = -1, False
    for state in watch(session, task, pause=1 if cancelled else _ONE_WAIT):
        if progress and (percent := state.get("info.progress")) is not None and percent != shown:
            shown = int(percent)
            progress(shown)
        if state.get("info.state") == "success":
            return state.get("info.result")
        if state.get("info.state") == "error":
            raise _failed(session, what, state)
        if cancelled and not asked and cancelled():
            asked = True
            cancel(session, task)
        if until is not None and time.monotonic() > until:
            raise RetryableError(
                f"{session.name}, {what}: it is not done after {deadline:g} seconds.",
                remedy="See in the vSphere client how far the task is, then try again.",
            )
    raise AssertionError("a watch ends with its task")


def watch(session: Session, task: Any, pause: int = _ONE_WAIT) -> "Iterator[dict[str, Any]]":
    """The task's properties, at once and whenever one changed, at least every `pause` seconds; ends when it does."""
    state: dict[str, Any] = {}
    while True:
        logins = session.logins
        try:
            with session.errors(), _collector(session, task) as collector:
                version = ""
                while True:
                    version = _update(collector, version, pause, state)
                    yield state
                    if state.get("info.state") in ("success", "error"):
                        return
        except OperatorNeededError:
            # A filter lives as long as its session does: after a new login, it is made anew.
            if session.logins == logins:
                raise


def state_of(session: Session, task: Any) -> dict[str, Any]:
    """The task's properties now, without waiting."""
    for state in watch(session, task):
        return state
    return {}


def cancel(session: Session, task: Any) -> None:
    """Asks the server to end the task; one that is done already, or cannot be cancelled, goes its way."""
    from pyVmomi import vim, vmodl

    with session.errors(), suppress(vim.fault.InvalidState, vmodl.fault.NotSupported):
        task.CancelTask()


def _failed(session: Session, what: str, state: dict[str, Any]) -> DroverError:
    error = state.get("info.error")
    if error is None:
        return OperatorNeededError(
            f"{session.name}, {what}: it failed, and the server does not say why.",
            remedy="Look at the task in the vSphere client.",
        )
    fault = getattr(error, "fault", error)
    if not getattr(fault, "msg", None) and getattr(error, "localizedMessage", None):
        fault.msg = error.localizedMessage
    return from_fault(session.name, fault, what)


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


def _update(collector: Any, version: str, pause: int, state: dict[str, Any]) -> str:
    from pyVmomi import vmodl

    options = vmodl.query.PropertyCollector.WaitOptions(maxWaitSeconds=pause)
    news = collector.WaitForUpdatesEx(version, options)
    if news is None:
        return version
    for filtered in news.filterSet:
        for change in filtered.objectSet or ():
            if change.kind == "leave":
                raise vmodl.fault.ManagedObjectNotFound(obj=change.obj)
            for entry in change.changeSet:
                state[entry.name] = entry.val
    return str(news.version)
